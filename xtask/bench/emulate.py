"""Loads a driver into speakeasy and emulates its DriverEntry; prints one JSON object.

It is done twice: as speakeasy is, and with the functions that it does not know answered with
success, which gets further.

Usage: emulate.py IMAGE REPETITIONS
"""

import json
import logging
import sys
import time
from importlib.metadata import version

import speakeasy

# By name, with how many arguments they take.
ANSWERED = {"EtwSetInformation": 5}


def emulate(path, answered):
    """Once, in an emulator of its own: seconds to load, seconds to run, and the report."""
    begin = time.perf_counter()
    emulator = speakeasy.Speakeasy(logger=logging.getLogger("speakeasy"))
    module = emulator.load_module(path)
    loaded = time.perf_counter()
    for name, count in answered.items():
        emulator.add_api_hook(lambda *_: 0, module="ntoskrnl", api_name=name, argc=count)
    begin_run = time.perf_counter()
    emulator.run_module(module)
    done = time.perf_counter()
    return loaded - begin, done - begin_run, emulator.get_report()


def measure(path, repetitions, answered):
    runs = [emulate(path, answered) for _ in range(repetitions)]
    # What runs after DriverEntry, such as the unload routine, is another entry point.
    entry = next(iter(runs[-1][2].get("entry_points", [])), {})
    error = entry.get("error") or {}
    return {
        "answered": sorted(answered),
        "load_seconds": min(load for load, _, _ in runs),
        "run_seconds": min(run for _, run, _ in runs),
        "total_seconds": min(load + run for load, run, _ in runs),
        "calls": [call.get("api_name") for call in entry.get("apis", [])],
        # After an error it is whatever the register held.
        "returned": None if error else str(entry.get("ret_val")),
        "error": {name: str(error[name]) for name in ("type", "api_name", "pc") if name in error}
        or None,
    }


def main():
    path, repetitions = sys.argv[1], int(sys.argv[2])
    logging.disable(logging.CRITICAL)
    print(
        json.dumps(
            {
                "versions": {name: version(name) for name in ("speakeasy-emulator", "unicorn")},
                "runs": [measure(path, repetitions, answered) for answered in ({}, ANSWERED)],
            }
        )
    )


main()
