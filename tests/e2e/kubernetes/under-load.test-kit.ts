/** A scenario under write load: what clients felt while it went on, and that nothing was lost. */
import { Load, type LoadWindow } from "./load.test-kit.ts";
import type { Stage } from "./stage.test-kit.ts";
import type { Store } from "./store.test-kit.ts";
import { timed } from "./waiting.test-kit.ts";

export interface UnderLoad {
  readonly window: LoadWindow;
  /** By how much the term grew. */
  readonly elections: number;
  readonly figures: Readonly<Record<string, number | string>>;
}

export interface Scenario {
  /** Nodes that will be lost: the load keeps away from them. */
  readonly awayFrom?: readonly string[];
  /** What is done; it ends when the store is as it should be again. */
  readonly act: (load: Load) => Promise<void>;
}

/** @throws AssertionError when an acknowledged write is lost */
export async function underLoad(
  stage: Stage,
  store: Store,
  { awayFrom = [], act }: Scenario,
): Promise<UnderLoad> {
  const load = await Load.start(store, { image: stage.images.node, awayFrom });
  // Starting the load's own pod may starve a node: what that costs is none of the scenario's.
  await load.isCalm();
  const termBefore = await store.term();
  const { seconds } = await timed(() => act(load));
  await load.progresses();
  const window = await load.window();
  const elections = (await store.term()) - termBefore;
  const { acknowledged, unknown } = await load.verify();
  return {
    window,
    elections,
    figures: {
      "took s": seconds,
      "writes acknowledged and verified": acknowledged,
      "lost writes": 0,
      "unknown outcomes": unknown,
      "refused writes": window.refused,
      "longest write gap ms": window.longestGapMs,
      "write unavailability ms": window.unavailableMs,
      elections,
    },
  };
}
