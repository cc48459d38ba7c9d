"""Packaging of the event center; dependencies are pinned in requirements.lock."""

from setuptools import find_packages, setup

setup(
    name="dwdm-event-center",
    version="0.1.0",
    description="Fiber events out of one-second optical performance monitoring, on Apache Beam",
    license="Apache-2.0",
    python_requires=">=3.11,<3.12",
    packages=find_packages(
        include=[
            "collector*",
            "console*",
            "kernels*",
            "pipeline*",
            "runners*",
            "schema*",
            "simulator*",
            "transforms*",
        ]
    ),
    package_data={
        "console": ["web/templates/*", "web/static/*"],
        "schema": ["*.pyi"],
        # What Maven fetches the Java parts by, and the sources that it compiles.
        "runners": ["java/*/pom.xml", "java/*/requirements.txt", "java/*/src/**/*"],
    },
    entry_points={
        "console_scripts": [
            "event-center = pipeline.__main__:main",
            "event-center-console = console.__main__:main",
            "event-center-graph = pipeline.show_graph:main",
            "event-center-collector = collector.__main__:main",
            "event-center-jars = runners.local.jars:main",
            "event-center-runners = runners.__main__:main",
            "event-center-topic-watch = pipeline.topic_watch:main",
            "event-center-worker-pool = runners.worker_pool:main",
            "event-center-simulator = simulator.__main__:main",
            "event-center-plot = simulator.plot:main",
            "event-center-plot-incident = simulator.plot_incident:main",
            "event-center-score = simulator.score:main",
        ]
    },
    install_requires=[
        "apache-beam[gcp]==2.70.0",
        "confluent-kafka>=2.16",
        "crc32c>=2.7",
        "grpcio>=1.65",
        "javaproperties>=0.8",
        "kafka-python>=3.0",
        "matplotlib>=3.10",
        "numpy>=2.2",
        "orjson>=3.10",
        "protobuf>=5.29,<6",
        "ptars>=0.0.25",
        "pyarrow>=18.1,<19",
        "rich>=14",
    ],
    extras_require={
        # `python -m collector` alone, near the devices: these, and nothing of the list above.
        "collector": [
            "confluent-kafka>=2.16",
            "grpcio>=1.65",
            "prometheus-client>=0.26",
            "protobuf>=5.29,<6",
            "pyyaml>=6",
            "uvloop>=0.21",
        ],
        # The store, API and page of all events; needs nothing of Beam.
        "console": [
            "argon2-cffi>=25.1",
            "bokeh>=3.9",
            "fastapi>=0.136",
            "jinja2>=3.1",
            "prometheus-client>=0.22",
            "psycopg[binary]>=3.2",
            "pydantic>=2.10",
            "python-multipart>=0.0.20",
            "pyyaml>=6",
            "sqlalchemy>=2.0",
            "starlette>=0.46",
            "uvicorn>=0.35",
        ],
        # Generated code, and the certificates of the brokers that tests start.
        "development": ["cryptography>=47", "grpcio-tools>=1.65"],
    },
)
