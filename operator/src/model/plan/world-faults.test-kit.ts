/** What users, machines and disks do to a simulated world. */
import type { World } from "./world.test-kit.ts";
import type { SimPod } from "./world-kubernetes.test-kit.ts";

type Fault = (world: World) => void;

const faults: readonly (readonly [weight: number, name: string, fault: Fault])[] = [
  [
    4,
    "scale",
    (world) => world.editSpec({ replicas: world.random.pick([0, 1, 1, 2, 3, 3, 4, 5, 5]) }),
  ],
  [4, "image", (world) => world.editSpec({ image: world.random.pick(["kv:1", "kv:2", "kv:3"]) })],
  [1, "broken image", (world) => world.editSpec({ image: `broken:${world.random.below(3)}` })],
  [1, "pause", (world) => world.editSpec({ paused: world.random.chance(0.5) })],
  [
    1,
    "pause roll",
    (world) => world.editSpec({ updatePolicy: { pause: world.random.chance(0.4) } }),
  ],
  [4, "delete pod", onPod((world, pod) => world.kubernetes.deletePod(pod))],
  [2, "force delete pod", onPod((world, pod) => world.kubernetes.removePod(pod))],
  [3, "kill node", killNode],
  [4, "start node", startNode],
  [3, "lose volume", onPod(loseVolume)],
  [2, "corrupt disk", onPod(corruptDisk)],
  [2, "scale the StatefulSet", scaleStatefulSet],
  [1, "delete the StatefulSet, orphaned", orphan],
  [2, "depose the leader", deposeLeader],
  [2, "change the writes", changeWrites],
];

const total = faults.reduce((sum, [weight]) => sum + weight, 0);

export function strike(world: World): void {
  let at = world.random.below(total);
  for (const [weight, name, fault] of faults) {
    at -= weight;
    if (at >= 0) continue;
    world.log.push(`fault: ${name}`);
    fault(world);
    world.remember();
    return;
  }
}

function onPod(fault: (world: World, pod: SimPod) => void): Fault {
  return (world) => {
    const { pods } = world.kubernetes;
    if (pods.length === 0) return;
    const pod = world.random.pick(pods);
    world.log.push(`  ${pod.name} ${pod.uid}`);
    fault(world, pod);
  };
}

function killNode({ kubernetes, random, log }: World): void {
  const name = random.pick([...kubernetes.nodes.keys()]);
  log.push(`  ${name}`);
  if (kubernetes.nodes.get(name) === null) kubernetes.nodes.set(name, kubernetes.now);
}

function startNode({ kubernetes, random }: World): void {
  kubernetes.nodes.set(random.pick([...kubernetes.nodes.keys()]), null);
}

/** Of one voter in a minority only: what is lost for a majority is lost. */
const isExpendable = (world: World, pod: SimPod): boolean => {
  const id = world.diskOf(pod)?.nodeId;
  const isVoter = world.store.voters().some((voter) => voter.id === id);
  return !isVoter || world.canLoseData();
};

function loseVolume(world: World, pod: SimPod): void {
  if (!isExpendable(world, pod)) return;
  const { kubernetes } = world;
  kubernetes.claims = kubernetes.claims.filter(({ ordinal }) => ordinal !== pod.ordinal);
  kubernetes.removePod(pod);
}

function corruptDisk(world: World, pod: SimPod): void {
  const disk = world.diskOf(pod);
  if (disk !== null && isExpendable(world, pod)) disk.isCorrupt = true;
}

function scaleStatefulSet({ kubernetes, random }: World): void {
  const set = kubernetes.statefulSet;
  if (set === null) return;
  set.replicas = random.below(7);
  set.generation += 1;
}

function orphan({ kubernetes }: World): void {
  kubernetes.statefulSet = null;
}

function changeWrites(world: World): void {
  world.writes = world.random.pick([0, 5, 50, 300]);
}

function deposeLeader({ store, kubernetes, random }: World): void {
  const live = kubernetes.live();
  const able = store.voters().filter(({ id }) => store.isUp(id, live));
  if (store.leader !== null && able.length > 0) store.lead(random.pick(able).id);
}

/** Faults stop: machines are back, the image works, nothing is paused. */
export function heal(world: World, replicas: number): void {
  for (const name of world.kubernetes.nodes.keys()) world.kubernetes.nodes.set(name, null);
  world.writes = 5;
  world.editSpec({
    replicas,
    image: "kv:9",
    paused: false,
    updatePolicy: { pause: false },
  });
}
