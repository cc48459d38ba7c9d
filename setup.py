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
            "kernels*",
            "pipeline*",
            "runners*",
            "schema*",
            "simulator*",
            "transforms*",
        ]
    ),
    package_data={"schema": ["*.pyi"], "runners": ["java/*/pom.xml"]},
    install_requires=[
        "apache-beam==2.70.0",
        "crc32c>=2.7",
        "kafka-python>=3.0",
        "matplotlib>=3.10",
        "numpy>=2.2",
        "protobuf>=5.29,<6",
        "ptars>=0.0.25",
        "pyarrow>=18.1,<19",
        "rich>=14",
    ],
)
