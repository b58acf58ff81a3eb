/** What happens to clusters in these tests. */
import type { Step } from "./scenario.test-kit.ts";

const retainAll = { whenDeleted: "Retain", whenScaled: "Retain" } as const;
const deleteAll = { whenDeleted: "Delete", whenScaled: "Delete" } as const;

const install: Step = (server) => server.create();
const scaleTo =
  (replicas: number): Step =>
  (server) =>
    server.edit({ replicas });
export const loseVolume =
  (ordinal: number): Step =>
  ({ world }) => {
    const { kubernetes } = world;
    const pod = kubernetes.podAt(ordinal);
    kubernetes.claims = kubernetes.claims.filter((claim) => claim.ordinal !== ordinal);
    if (pod !== undefined) kubernetes.removePod(pod);
  };

/** By name, each from nothing. */
export const scenarios: Readonly<Record<string, readonly Step[]>> = {
  install: [install],
  "scale 3→5→3→1→3": [install, scaleTo(5), scaleTo(3), scaleTo(1), scaleTo(3)],
  roll: [install, (server) => server.edit({ image: "kv:2" })],
  "lost volume": [install, loseVolume(1)],
  retention: [
    (server) => server.create({ storage: { size: "1Gi", retention: retainAll } }),
    scaleTo(1),
    scaleTo(3),
  ],
  "deletion that retains, and re-creation": [
    (server) => server.create({ storage: { size: "1Gi", retention: retainAll } }),
    (server) => server.delete(),
    (server) => server.create({ storage: { size: "1Gi", retention: retainAll } }),
  ],
  "deletion that deletes": [
    (server) => server.create({ storage: { size: "1Gi", retention: deleteAll } }),
    (server) => server.delete(),
  ],
  "to zero and back": [install, scaleTo(0), scaleTo(3)],
};
