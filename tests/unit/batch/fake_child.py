"""A child that maps nothing: it does what the overrides of its job say, in the words of the real one."""

import json
import os
import signal
import sys
import time
from pathlib import Path

MIB = 2**20


def say(**record):
    sys.stdout.write(json.dumps(record) + "\n")
    sys.stdout.flush()


def end(code=0, *problems, **more):
    say(kind="end", code=code, problems=list(problems), **more)


def manifest(job):
    """As little as a finished run tells."""
    told = job["overrides"].get("manifest", {})
    return {
        "region": job["overrides"]["name"],
        "settings": {"title": "", "units": "kg/m2"},
        "synthetic": True,
        "pixels": {"mapped": 100},
        "samples": {"n_sites": 12},
        "accuracy": [{"model": "POML", "campaign": "common", "n": 12, "rmse": 0.5, "ccc": 0.6}],
        "regional_mean": {"year": [1980, 2000], "models": {"POML": [4.0, 4.5]}},
        "mapped_years": [1980, 2000],
        "outputs": {"maps/SOCS_POML_1980.tif": "12"},
        **told,
    }


def survey(job):
    out = Path(job["out"])
    do = job["overrides"].get("survey", {})
    if "die" in do:
        os.kill(os.getpid(), do["die"])
    if "problems" in do:
        return end(2, *do["problems"])
    options = job["options"]
    if options.get("model") and not options.get("model_to_come") and not Path(options["model"]).is_dir():
        return end(2, "--model: found no such folder.")
    answer = {"finished": False, "pixels": 100, "seconds": 1.0, "memory": MIB, "disk": MIB, **do}
    return end(answer={"finished": True} if (out / "manifest.json").exists() else answer)


def run(job):
    do = job["overrides"].get("do", "finish")
    say(kind="log", level="INFO", message="mapping ...", stage="mapping")
    say(kind="log", level="INFO", message="maps: 1 of 2", step="maps", done=1, total=2)
    say(kind="log", level="INFO", message="  again: the maps, because setting years was 1980-1990")
    time.sleep(job["overrides"].get("seconds", 0))
    if do == "refuse":
        return end(2, "a.yaml: found this, expected that.", "a.yaml: and more.")
    if do == "break":
        return end(1, "a.yaml: a fault of poml-map itself, KeyError: 'x'", trace="Traceback: here\n")
    if do == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if do == "vanish":
        os.kill(os.getpid(), signal.SIGKILL)
    if do == "eat":
        held = bytearray(300 * MIB)
        held[::4096] = b"x" * len(held[::4096])
        time.sleep(30)
    if do == "hang":
        time.sleep(60)
    out = Path(job["out"])
    out.mkdir(parents=True, exist_ok=True)
    (out / "manifest.json").write_text(json.dumps(manifest(job)))
    (out / "job.json").write_text(json.dumps(job))
    return end(answer={})


def main():
    if "stubborn" in sys.argv:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for line in sys.stdin:
        job = json.loads(line)
        {"survey": survey, "run": run, "train": run}[job["kind"]](job)


if __name__ == "__main__":
    main()
