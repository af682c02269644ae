#!/bin/sh
# When the files are gone. dpkg gives remove, purge or others, rpm 0 or 1. Data is never removed here, and so neither is
# the user that it belongs to.
set -e

case "$1" in
remove | purge | 0) ;;
*) exit 0 ;;
esac

if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
if [ -e /var/lib/recordings/records ]; then
	echo 'recordings: the recordings stay in /var/lib/recordings. Whoever does not want them any more removes them.'
fi
