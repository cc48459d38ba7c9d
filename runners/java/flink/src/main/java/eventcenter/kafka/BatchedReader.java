package eventcenter.kafka;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.function.LongSupplier;
import org.apache.beam.sdk.io.UnboundedSource;
import org.apache.beam.sdk.io.UnboundedSource.CheckpointMark;
import org.apache.beam.sdk.io.UnboundedSource.UnboundedReader;
import org.apache.beam.sdk.io.kafka.KafkaRecord;
import org.joda.time.Instant;

/**
 * Hands on what a reader of records has at hand, as one element; its time is the oldest record's.
 *
 * <p>The element, little-endian: number n of records (int32); then by record its timestamp [ms
 * since the Unix epoch] (int64 x n), its offset (int64 x n), its partition (int32 x n), the lengths
 * of its key and its value, -1 for none (int32 x n, int32 x n); then key and value of the first,
 * of the second, and so on. Python reads it in pipeline/kafka/batches.py.
 */
final class BatchedReader extends UnboundedReader<byte[]> {
  private static final int MAX_RECORDS = 1024;
  private static final int MAX_BYTES = 1 << 20;
  /** A steady trickle would keep a batch open for long, and each record in it waiting. */
  private static final long MAX_NANOS = 5_000_000;
  private static final int BYTES_EACH = 2 * Long.BYTES + 3 * Integer.BYTES;

  private final UnboundedSource<byte[], ?> source;
  private final UnboundedReader<KafkaRecord<byte[], byte[]>> records;
  private final LongSupplier nanoTime;
  private final List<KafkaRecord<byte[], byte[]>> gathered = new ArrayList<>();
  private final List<Instant> times = new ArrayList<>();
  private int numBytes;

  BatchedReader(
      UnboundedSource<byte[], ?> source,
      UnboundedReader<KafkaRecord<byte[], byte[]>> records,
      LongSupplier nanoTime) {
    this.source = source;
    this.records = records;
    this.nanoTime = nanoTime;
  }

  @Override
  public boolean start() throws IOException {
    return gather(records.start());
  }

  @Override
  public boolean advance() throws IOException {
    return gather(records.advance());
  }

  private boolean gather(boolean isThere) throws IOException {
    gathered.clear();
    times.clear();
    numBytes = 0;
    long startedNanos = nanoTime.getAsLong();
    for (boolean more = isThere; more; more = !isFull(startedNanos) && records.advance()) {
      KafkaRecord<byte[], byte[]> record = records.getCurrent();
      gathered.add(record);
      times.add(records.getCurrentTimestamp());
      numBytes += Math.max(0, lengthOrNone(record.getKV().getKey()));
      numBytes += Math.max(0, lengthOrNone(record.getKV().getValue()));
    }
    return isThere;
  }

  private boolean isFull(long startedNanos) {
    return gathered.size() >= MAX_RECORDS
        || numBytes >= MAX_BYTES
        || nanoTime.getAsLong() - startedNanos >= MAX_NANOS;
  }

  @Override
  public byte[] getCurrent() {
    requireCurrent();
    int n = gathered.size();
    ByteBuffer batch =
        ByteBuffer.allocate(Integer.BYTES + n * BYTES_EACH + numBytes)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putInt(n);
    times.forEach(time -> batch.putLong(time.getMillis()));
    gathered.forEach(record -> batch.putLong(record.getOffset()));
    gathered.forEach(record -> batch.putInt(record.getPartition()));
    gathered.forEach(record -> batch.putInt(lengthOrNone(record.getKV().getKey())));
    gathered.forEach(record -> batch.putInt(lengthOrNone(record.getKV().getValue())));
    for (KafkaRecord<byte[], byte[]> record : gathered) {
      put(batch, record.getKV().getKey());
      put(batch, record.getKV().getValue());
    }
    return batch.array();
  }

  private static void put(ByteBuffer batch, byte[] part) {
    if (part != null) {
      batch.put(part);
    }
  }

  private static int lengthOrNone(byte[] part) {
    return part == null ? -1 : part.length;
  }

  @Override
  public Instant getCurrentTimestamp() {
    requireCurrent();
    return times.stream().min(Instant::compareTo).orElseThrow();
  }

  private void requireCurrent() {
    if (gathered.isEmpty()) {
      throw new NoSuchElementException();
    }
  }

  @Override
  public Instant getWatermark() {
    return records.getWatermark();
  }

  @Override
  public CheckpointMark getCheckpointMark() {
    return records.getCheckpointMark();
  }

  @Override
  public long getSplitBacklogBytes() {
    return records.getSplitBacklogBytes();
  }

  @Override
  public UnboundedSource<byte[], ?> getCurrentSource() {
    return source;
  }

  @Override
  public void close() throws IOException {
    records.close();
  }
}
