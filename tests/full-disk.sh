#!/bin/sh
# Fills a small tmpfs under a running gateway (DESIGN §10); needs root for the mount, and skips with 77 elsewhere.
set -eu
cd "$(dirname "$0")/.."
if [ "$(id -u)" -ne 0 ]; then
    echo "skipped: mounting a tmpfs needs root" >&2
    exit 77
fi
exec cargo test "$@" --test disk -- --ignored --exact --nocapture a_full_disk_refuses_soon_serves_reads_and_recovers
