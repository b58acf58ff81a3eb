/**
 * Does harm: one fault at a time is begun, many may be under way. Whatever it breaks it also mends,
 * but for disks that it damages: those are limited to one member at a time, because a cluster may
 * lose a minority for ever and nothing more.
 */
import type { CommittedLog } from "./committed-log.test-kit.ts";
import type { Coverage } from "./coverage.test-kit.ts";
import type { EventQueue } from "./event-queue.test-kit.ts";
import type { Machine } from "./machine.test-kit.ts";
import type { Network } from "./network.test-kit.ts";
import type { Operator } from "./operator.test-kit.ts";
import type { Random } from "./random.test-kit.ts";
import type { FaultName, Scenario } from "./scenario.test-kit.ts";
import type { Trace } from "./trace.test-kit.ts";

export interface NemesisSetup {
  readonly queue: EventQueue;
  readonly random: Random;
  readonly coverage: Coverage;
  readonly trace: Trace;
  readonly machines: readonly Machine[];
  readonly network: Network;
  readonly operator: Operator;
  readonly log: CommittedLog;
  readonly scenario: Scenario;
}

const HOUR_MS = 3_600_000;
const REVIVE_EVERY_US = 100_000;
/** So that a process is down for 1.5 s on average. */
const REVIVE_CHANCE = 1 / 15;

export class Nemesis {
  readonly #setup: NemesisSetup;
  #isOn = true;
  #isRetired = false;
  #stayDown: ReadonlySet<Machine> = new Set();

  constructor(setup: NemesisSetup) {
    this.#setup = setup;
    if (setup.scenario.faults.length > 0) this.#wait();
    this.#revive();
  }

  /** No new harm. What is broken stays so until somebody heals it. */
  stop(): void {
    this.#isOn = false;
  }

  /** Ends every pause, partition and stall, and starts what is down. */
  heal(stayDown: ReadonlySet<Machine>): void {
    this.#stayDown = stayDown;
    this.#setup.network.heal();
    for (const machine of this.#setup.machines) {
      machine.disk.heal();
      machine.resume();
      if (machine.hasRot) machine.wipe();
      if (stayDown.has(machine)) machine.crash();
      else machine.start();
    }
  }

  /** Not even starts what is down: somebody else will. */
  retire(): void {
    this.#isRetired = true;
  }

  #wait(): void {
    const { queue, random, scenario } = this.#setup;
    queue.schedule(random.exponential(scenario.faultEveryUs), () => {
      if (!this.#isOn) return;
      this.#begin(random.pick(scenario.faults));
      this.#wait();
    });
  }

  /** Whoever runs the processes starts again what has ended. */
  #revive(): void {
    const { queue, random, machines } = this.#setup;
    queue.schedule(REVIVE_EVERY_US, () => {
      if (this.#isRetired) return;
      for (const machine of machines) {
        const mayStart = machine.state === "down" && !this.#stayDown.has(machine);
        if (!mayStart || !random.chance(REVIVE_CHANCE)) continue;
        machine.disk.heal();
        machine.start();
      }
      this.#revive();
    });
  }

  #begin(fault: FaultName): void {
    const { random, machines, trace, queue } = this.#setup;
    const up = machines.filter(({ state }) => state === "up");
    if (up.length === 0) return;
    const machine = random.pick(up);
    if (!this.#carryOut(fault, machine, up)) return;
    trace.record({ atUs: queue.nowUs, who: "nemesis", what: fault, details: [machine.name] });
    this.#setup.coverage.count(`fault ${fault}`);
  }

  /** @returns whether it did anything */
  #carryOut(fault: FaultName, machine: Machine, up: readonly Machine[]): boolean {
    switch (fault) {
      case "crash":
        machine.crash();
        return true;
      case "crashAll":
        for (const each of up) each.crash();
        return true;
      case "pause":
        return this.#pause(machine);
      case "isolate":
        return this.#isolate(this.#leaderOr(machine), 3_000_000);
      case "cutOff":
        return this.#isolate(machine, 12_000_000);
      case "split":
        return this.#split();
      case "oneWay":
        return this.#oneWay(this.#leaderOr(machine));
      case "storm":
        return this.#storm();
      case "clockJump":
        machine.jumpClock(this.#setup.random.integer(-HOUR_MS, HOUR_MS));
        return true;
      default:
        return this.#harmDisk(fault, machine);
    }
  }

  #harmDisk(fault: FaultName, machine: Machine): boolean {
    const { random } = this.#setup;
    switch (fault) {
      case "stall":
        machine.disk.stall(random.exponential(1_000_000));
        return true;
      case "slowDisk":
        machine.disk.slowDown(random.integer(5, 50), random.exponential(2_000_000));
        return true;
      case "crashAtWrite":
        machine.doomed();
        machine.disk.crashAfter(random.integer(1, 6));
        return true;
      case "failedSync":
        machine.doomed();
        machine.disk.failNextSync();
        return true;
      case "fullDisk":
        machine.doomed();
        machine.disk.fill(random.integer(0, 20_000));
        return true;
      case "flipBit":
      case "misdirect":
      case "loseVolume":
      case "rotState":
        return this.#mayLoseOne(machine) && this.#damage(fault, machine);
      default:
        return false;
    }
  }

  #pause(machine: Machine): boolean {
    const { queue, random } = this.#setup;
    const { life } = machine;
    if (life === null || life.isPaused) return false;
    machine.pause();
    queue.schedule(random.exponential(800_000), () => life.resume());
    return true;
  }

  #leaderOr(machine: Machine): Machine {
    const { machines, random } = this.#setup;
    const leads = machines.filter(({ life }) => life?.watch.status?.role === "leader");
    return leads.length > 0 && random.chance(0.6) ? random.pick(leads) : machine;
  }

  #isolate(machine: Machine, meanUs: number): boolean {
    const others = this.#setup.machines.filter((other) => other !== machine);
    return this.#cut([machine], others, { meanUs, bothWays: true });
  }

  #split(): boolean {
    const { machines, random } = this.#setup;
    const shuffled = random.shuffle(machines);
    const size = random.integer(1, shuffled.length - 1);
    const sides = [shuffled.slice(0, size), shuffled.slice(size)] as const;
    return this.#cut(sides[0], sides[1], { meanUs: 2_000_000, bothWays: true });
  }

  /** It hears but is not heard, or speaks and does not hear, to all or to some. */
  #oneWay(machine: Machine): boolean {
    const { machines, random } = this.#setup;
    const others = machines.filter((other) => other !== machine && random.chance(0.8));
    const how = { meanUs: 2_000_000, bothWays: false };
    return random.chance(0.5)
      ? this.#cut([machine], others, how)
      : this.#cut(others, [machine], how);
  }

  #cut(
    from: readonly Machine[],
    to: readonly Machine[],
    { meanUs, bothWays }: { readonly meanUs: number; readonly bothWays: boolean },
  ): boolean {
    const { network, queue, random } = this.#setup;
    const pairs = from.flatMap((one) =>
      to.flatMap((other) => {
        const there = [one.name, other.name] as const;
        return bothWays ? [there, [other.name, one.name] as const] : [there];
      }),
    );
    for (const [a, b] of pairs) network.block(a, b);
    queue.schedule(random.exponential(meanUs), () => {
      for (const [a, b] of pairs) network.unblock(a, b);
    });
    return pairs.length > 0;
  }

  #storm(): boolean {
    const { network, queue, random, scenario } = this.#setup;
    const { loss, latencyUs } = scenario.weather;
    network.weather.loss = Math.max(loss, random.between(0.2, 0.6));
    network.weather.latencyUs = latencyUs * random.integer(2, 40);
    queue.schedule(random.exponential(1_500_000), () => {
      if (this.#isOn) Object.assign(network.weather, { loss, latencyUs });
    });
    return true;
  }

  /** True when one voter may be lost for ever: all others are well, and stay so. */
  #mayLoseOne(machine: Machine): boolean {
    const { machines, operator, log, scenario } = this.#setup;
    const { members } = log.configuration;
    if (machine.nodeId === null || operator.isBusy) return false;
    const voters = members.filter(({ role }) => role === "voter");
    // One change that nobody knows of may still lie in some log.
    const votersMin = scenario.churnEveryUs > 0 ? 4 : 3;
    const bearers = machines.filter(({ nodeId }) => members.some(({ id }) => id === nodeId));
    const areAllWell = bearers.length === members.length && machines.every((m) => m.isWell);
    return voters.length >= votersMin && areAllWell;
  }

  #damage(fault: FaultName, machine: Machine): boolean {
    if (fault === "loseVolume") {
      machine.wipe();
      return true;
    }
    machine.damaged();
    if (fault === "flipBit") machine.disk.flipBit();
    if (fault === "misdirect") machine.disk.misdirectNextWrite();
    // Whoever reads the row finds it, or a heal does: no crash is needed.
    if (fault === "rotState") return machine.disk.rotState();
    const { queue, random } = this.#setup;
    // A crash soon, so that the damage is looked at.
    queue.schedule(random.exponential(1_000_000), () => machine.crash());
    return true;
  }
}
