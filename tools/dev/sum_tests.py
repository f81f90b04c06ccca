# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Adds up the results of all suites and prints `N passed, N failed, N skipped`.

usage: sum_tests.py DIR FILE...

DIR holds the named files, *.json from lit --output and *.xml from ctest
--output-junit, and one NAME.json for each GoogleTest program that ran to its
end. A program that crashed, and a file that was never written, count as one
failure each. Exits with 1 when something failed, or when nothing ran at all.
"""

import json
import pathlib
import sys
import xml.etree.ElementTree

PASSED, FAILED, SKIPPED = range(3)


def lit_results(path):
    outcome = {"PASS": PASSED, "FLAKYPASS": PASSED, "XFAIL": PASSED,
               "UNSUPPORTED": SKIPPED, "SKIPPED": SKIPPED}
    for test in json.loads(path.read_text())["tests"]:
        if test["code"] == "EXCLUDED":
            continue
        yield test["name"], outcome.get(test["code"], FAILED)


def googletest_results(path):
    for suite in json.loads(path.read_text())["testsuites"]:
        for test in suite["testsuite"]:
            name = f"{path.stem}: {suite['name']}.{test['name']}"
            if test.get("failures"):
                yield name, FAILED
            elif test["result"] == "SKIPPED":
                yield name, SKIPPED
            elif test["status"] == "RUN":
                yield name, PASSED


def ctest_results(path):
    """Expands each test of ctest into its GoogleTest cases where it has any."""
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        name, status = case.get("name"), case.get("status")
        if status == "disabled" or case.find("skipped") is not None:
            yield name, SKIPPED
            continue
        cases_file = path.parent / f"{name}.json"
        cases = []
        if cases_file.exists():
            cases = list(googletest_results(cases_file))
            yield from cases
        failed = status == "fail" or case.find("failure") is not None
        if failed and not any(result == FAILED for _, result in cases):
            yield f"{name} (the program itself)", FAILED
        elif not failed and not cases_file.exists():
            yield name, PASSED


def main():
    directory = pathlib.Path(sys.argv[1])
    results = []
    readers = {".json": lit_results, ".xml": ctest_results}
    for file in sys.argv[2:]:
        path = directory / file
        if path.exists():
            results += readers[path.suffix](path)
        else:
            results.append((f"{file} was not written", FAILED))
    for label, wanted in (("failed", FAILED), ("skipped", SKIPPED)):
        for name, result in results:
            if result == wanted:
                print(f"{label}: {name}")
    count = [sum(result == kind for _, result in results) for kind in range(3)]
    print(f"{count[PASSED]} passed, {count[FAILED]} failed, "
          f"{count[SKIPPED]} skipped")
    return 1 if count[FAILED] or not count[PASSED] else 0


if __name__ == "__main__":
    sys.exit(main())
