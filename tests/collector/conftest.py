"""What the tests of the collector share."""

from tests.collector.running import fake_device

__all__ = ["fake_device"]
