package eventcenter.kafka;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.beam.sdk.io.UnboundedSource;
import org.apache.beam.sdk.io.UnboundedSource.CheckpointMark;
import org.apache.beam.sdk.io.UnboundedSource.UnboundedReader;
import org.apache.beam.sdk.io.kafka.KafkaRecord;
import org.apache.beam.sdk.io.kafka.KafkaTimestampType;
import org.joda.time.Instant;
import org.junit.jupiter.api.Test;

class BatchedReaderTest {
  @Test
  void handsOnWhatIsAtHandAsOneElement() throws IOException {
    Records records = new Records(record(7, 30, "a", "first"), record(8, 20, null, ""), null);
    BatchedReader reader = reader(records);
    assertTrue(reader.start());
    assertArrayEquals(
        ByteBuffer.allocate(4 + 2 * 28 + 6)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putInt(2)
            .putLong(30)
            .putLong(20)
            .putLong(7)
            .putLong(8)
            .putInt(3)
            .putInt(3)
            .putInt(1)
            .putInt(-1)
            .putInt(5)
            .putInt(0)
            .put("afirst".getBytes())
            .array(),
        reader.getCurrent());
  }

  @Test
  void hasTheTimeOfTheOldestRecord() throws IOException {
    BatchedReader reader =
        reader(new Records(record(7, 30, "a", "b"), record(8, 20, "a", "b")));
    assertTrue(reader.start());
    assertEquals(Instant.ofEpochMilli(20), reader.getCurrentTimestamp());
  }

  @Test
  void deletesInATopologyHaveNoValue() throws IOException {
    BatchedReader reader = reader(new Records(record(1, 1, "L1", null)));
    assertTrue(reader.start());
    assertEquals(-1, ByteBuffer.wrap(reader.getCurrent()).order(ByteOrder.LITTLE_ENDIAN).getInt(28));
  }

  @Test
  void hasNothingWhereNothingIsAtHand() throws IOException {
    BatchedReader reader = reader(new Records(null, record(1, 1, "a", "b")));
    assertFalse(reader.start());
    assertThrows(NoSuchElementException.class, reader::getCurrent);
    assertTrue(reader.advance());
    assertEquals(1, number(reader));
    assertFalse(reader.advance());
    assertThrows(NoSuchElementException.class, reader::getCurrentTimestamp);
  }

  @Test
  void takesManyRecordsInSeveralBatchesAndLosesNone() throws IOException {
    KafkaRecord<byte[], byte[]>[] all = many(2500, 10);
    Records records = new Records(all);
    BatchedReader reader = reader(records);
    List<Integer> numbers = new ArrayList<>();
    for (boolean more = reader.start(); more; more = reader.advance()) {
      numbers.add(number(reader));
    }
    assertEquals(List.of(1024, 1024, 452), numbers);
  }

  @Test
  void aBatchOfLargeRecordsIsFullSooner() throws IOException {
    BatchedReader reader = reader(new Records(many(10, 300_000)));
    assertTrue(reader.start());
    assertEquals(4, number(reader));
  }

  @Test
  void aTrickleOfRecordsDoesNotHoldABatchOpen() throws IOException {
    AtomicLong now = new AtomicLong();
    Records records = new Records(many(100, 10));
    BatchedReader reader = new BatchedReader(null, records, () -> now.getAndAdd(2_000_000));
    assertTrue(reader.start());
    assertEquals(3, number(reader));
  }

  @Test
  void aCheckpointStandsBehindTheRecordsOfTheBatch() throws IOException {
    Records records = new Records(many(2000, 10));
    BatchedReader reader = reader(records);
    assertTrue(reader.start());
    assertEquals(1024, ((Mark) reader.getCheckpointMark()).read);
    assertTrue(reader.advance());
    assertEquals(2000, ((Mark) reader.getCheckpointMark()).read);
  }

  private static BatchedReader reader(Records records) {
    return new BatchedReader(null, records, () -> 0);
  }

  private static int number(BatchedReader reader) {
    return ByteBuffer.wrap(reader.getCurrent()).order(ByteOrder.LITTLE_ENDIAN).getInt();
  }

  private static KafkaRecord<byte[], byte[]> record(
      long offset, long timestampMs, String key, String value) {
    return new KafkaRecord<>(
        "pm",
        3,
        offset,
        timestampMs,
        KafkaTimestampType.CREATE_TIME,
        null,
        key == null ? null : key.getBytes(),
        value == null ? null : value.getBytes());
  }

  @SuppressWarnings("unchecked")
  private static KafkaRecord<byte[], byte[]>[] many(int number, int length) {
    KafkaRecord<byte[], byte[]>[] records = new KafkaRecord[number];
    for (int i = 0; i < number; i++) {
      records[i] = record(i, i, null, "v".repeat(length));
    }
    return records;
  }

  /** Offset behind the last record that was read. */
  private static final class Mark implements CheckpointMark {
    final int read;

    Mark(int read) {
      this.read = read;
    }

    @Override
    public void finalizeCheckpoint() {}
  }

  /** Hands on its records; null stands for a moment in which none is there. */
  private static final class Records extends UnboundedReader<KafkaRecord<byte[], byte[]>> {
    private final KafkaRecord<byte[], byte[]>[] records;
    private int next;

    @SafeVarargs
    Records(KafkaRecord<byte[], byte[]>... records) {
      this.records = records;
    }

    @Override
    public boolean start() {
      return advance();
    }

    @Override
    public boolean advance() {
      return next < records.length && records[next++] != null;
    }

    @Override
    public KafkaRecord<byte[], byte[]> getCurrent() {
      return records[next - 1];
    }

    @Override
    public Instant getCurrentTimestamp() {
      return Instant.ofEpochMilli(getCurrent().getTimestamp());
    }

    @Override
    public Instant getWatermark() {
      return Instant.EPOCH;
    }

    @Override
    public CheckpointMark getCheckpointMark() {
      return new Mark(next);
    }

    @Override
    public UnboundedSource<KafkaRecord<byte[], byte[]>, ?> getCurrentSource() {
      throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
  }
}
