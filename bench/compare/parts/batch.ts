/** Many keys in one request: our batch route beside etcd's transactions of puts. */
import {
  type BenchContext,
  KEYS,
  milliseconds,
  type Part,
  type PartReport,
  rate,
  ratioOf,
  showRatio,
  table,
  VALUE_BYTES,
  warmUpBoth,
  withBoth,
} from "../bench-context.ts";
import { BATCH_PUTS } from "../load-order.ts";
import { type Measured, measure } from "../run-load.ts";
import { inTurns } from "../turns.ts";

const CONNECTIONS = 16;

const keysPerSecond = ({ perSecond }: Measured): number => perSecond * BATCH_PUTS;

const cells = (result: Measured | null): string[] =>
  result === null
    ? ["–", "–", "–", "–"]
    : [
        rate(keysPerSecond(result)),
        milliseconds(result.p50),
        milliseconds(result.p99),
        (result.memberCpuMicros / BATCH_PUTS).toFixed(1),
      ];

const run = async (context: BenchContext): Promise<PartReport> => {
  const { sizes, say } = context;
  const both = await withBoth(context, async (systems) => {
    await warmUpBoth(systems, context);
    return inTurns(systems, {
      turns: sizes.turns,
      by: keysPerSecond,
      measure: async (running) => {
        const result = await measure(running, {
          mix: "batch",
          connections: CONNECTIONS,
          seconds: sizes.seconds,
          warmUpSeconds: sizes.warmUpSeconds,
          keys: KEYS,
          valueBytes: VALUE_BYTES,
        });
        say(`  ${running.target.system}: ${rate(keysPerSecond(result))} keys/s`);
        return result;
      },
    });
  });
  const ratio = ratioOf(both, keysPerSecond);
  const head = ["keys/s", "p50 ms", "p99 ms", "CPU µs/key"];
  return {
    text: [
      `${BATCH_PUTS} puts of ${VALUE_BYTES} bytes in each request, ${CONNECTIONS} connections: ` +
        "`POST /v1/batch` (JSON, values in base64) and etcd's `Txn`, in " +
        `${sizes.turns} turns of both; the turn with the median rate is told.`,
      table(
        [...head, ...head.map((name) => `etcd ${name}`), "ratio"],
        [[...cells(both.kvcluster), ...cells(both.etcd), showRatio(ratio)]],
      ),
    ].join("\n\n"),
    measurements: [
      {
        goal: "batch",
        kvcluster: rate(keysPerSecond(both.kvcluster)),
        etcd: both.etcd === null ? "–" : rate(keysPerSecond(both.etcd)),
        ratio,
      },
    ],
  };
};

export const batchPart: Part = { name: "batch", title: "Batches", run };
