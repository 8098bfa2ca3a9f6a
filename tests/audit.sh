#!/bin/sh
# Looks the locked packages up among known vulnerabilities, where a copy of them is on this machine;
# asks nobody. Fails where a package has one. Where there is nothing to look in, it says that it has
# not looked, and does not fail: that is no fault of a change.
#
# The program is osv-scanner. Its copy is where its documentation has it (Offline Mode), filled by
# hand or by its own --download-offline-databases:
#   ${OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY:-~/.cache}/osv-scanner/PyPI/all.zip
set -u
cd "$(dirname "$0")/.." || exit 1

place=${OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY:-${XDG_CACHE_HOME:-${HOME:-/nowhere}/.cache}}
copy=$place/osv-scanner/PyPI/all.zip
if ! command -v osv-scanner >/dev/null 2>&1; then
    echo "audit: NOT DONE: osv-scanner is not installed"
    exit 0
fi
if [ ! -s "$copy" ]; then
    echo "audit: NOT DONE: there is no copy of the vulnerabilities at $copy"
    exit 0
fi
export OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY="$place"
set --
for lock in run dev build; do
    set -- "$@" --lockfile "requirements.txt:requirements/$lock.txt"
done
osv-scanner --offline "$@"
