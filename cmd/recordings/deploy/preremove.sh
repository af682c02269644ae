#!/bin/sh
# Before the files go. dpkg gives remove or upgrade, rpm 0 or 1. An upgrade leaves the service running until the new
# version is in place.
set -e

case "$1" in
remove | 0) ;;
*) exit 0 ;;
esac

if command -v systemctl >/dev/null; then
	if [ -d /run/systemd/system ]; then systemctl stop recordings.service; fi
	systemctl disable recordings.service 2>/dev/null || true
fi
