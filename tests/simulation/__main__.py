"""Runs the simulation from the command line: one seed in full, or many of them."""

import argparse
import sys
import time

from tests.simulation.run import simulate


def main() -> int:
    parser = argparse.ArgumentParser(prog="make sim", description=__doc__)
    parser.add_argument("--seed", type=int, help="play this one alone")
    parser.add_argument("--trace", action="store_true", help="print all that happens")
    parser.add_argument("--seeds", type=int, default=200, help="how many to play")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first one")
    parser.add_argument("--nodes", type=int, default=0, help="as many nodes in each run")
    parser.add_argument("--keep-going", action="store_true", help="do not end at the first failure")
    asked = parser.parse_args()
    seeds = [asked.seed] if asked.seed is not None else range(asked.first, asked.first + asked.seeds)
    begun, failed, commits, virtual_s = time.monotonic(), [], 0, 0.0
    for seed in seeds:
        outcome = simulate(seed, nodes=asked.nodes, sink=sys.stdout if asked.trace else None)
        commits += outcome.commits
        virtual_s += outcome.virtual_s
        if outcome.fault:
            failed.append(seed)
            print(f"seed {seed}: {outcome.fault[:300]}" if asked.keep_going else outcome.told(), flush=True)
            if not asked.keep_going:
                return 1
        elif asked.seed is not None:
            print(outcome)
    print(
        f"{len(seeds)} seeds, {len(failed)} failed {failed[:40]}, {commits} commits, {virtual_s / 3600:.1f} simulated "
        f"hours in {time.monotonic() - begun:.1f} s"
    )
    return bool(failed)


if __name__ == "__main__":
    raise SystemExit(main())
