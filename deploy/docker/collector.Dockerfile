# The collector: a small image, without Beam.
#   docker build -f deploy/docker/collector.Dockerfile -t event-center-collector:0.1.0 .
# Checked: that what is copied exists; that the collector runs with these packages and files alone,
# outside a container. Not run: no image was built or started, as there was no container engine.
FROM python:3.11-slim-bookworm
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /opt/event-center
COPY collector/requirements.lock ./
RUN pip install --require-hashes --requirement requirements.lock \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin eventcenter
COPY LICENSE ./
COPY collector collector
COPY schema schema
USER 10001
EXPOSE 9464
ENTRYPOINT ["python", "-m", "collector"]
CMD ["--help"]
