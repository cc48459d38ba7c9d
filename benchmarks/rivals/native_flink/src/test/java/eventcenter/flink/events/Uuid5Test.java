package eventcenter.flink.events;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class Uuid5Test {
    @Test
    void theSameNameHasTheIdThatPythonGivesIt() {
        assertEquals(
                "c0e2cc3c-f6f2-576c-ae6d-b631d8770957",
                new Uuid5().of("link-1|FIBER|2024-01-01T00:00:00.000Z").toString());
    }
}
