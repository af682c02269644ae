#!/bin/sh
# When the files are in place. dpkg gives configure and, at an upgrade, the version before; rpm 1, or 2 at an upgrade.
set -e

case "$1" in
configure) [ -z "$2" ] || upgrade=yes ;;
1) ;;
2) upgrade=yes ;;
*) exit 0 ;;
esac

for dir in /var/lib/recordings /var/backups/recordings; do
	[ -e "$dir" ] || install -d -o recordings -g recordings -m 0750 "$dir"
done

running() { [ -d /run/systemd/system ]; }

if running; then systemctl daemon-reload || true; fi
if [ -n "$upgrade" ]; then
	if running; then systemctl try-restart recordings.service; fi
	exit 0
fi

if command -v systemctl >/dev/null; then systemctl enable recordings.service 2>/dev/null || true; fi
if /usr/bin/recordings check-config --config /etc/recordings/recordings.yaml >/dev/null 2>&1; then
	if running; then systemctl start recordings.service; fi
else
	cat <<'END'
recordings: the service starts when its configuration is complete. Edit /etc/recordings/recordings.yaml (each
password_hash is made by `recordings hash-password`), then:
  recordings check-config --config /etc/recordings/recordings.yaml && systemctl start recordings
END
fi
