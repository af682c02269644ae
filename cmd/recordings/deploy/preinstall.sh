#!/bin/sh
# Before the files are put in place. dpkg gives install or upgrade, rpm 1 or 2.
set -e

if ! getent passwd recordings >/dev/null; then
	useradd --system --user-group --home-dir /var/lib/recordings --no-create-home --shell /usr/sbin/nologin \
		--comment 'Call recordings' recordings
fi

case "$1" in
upgrade | 2) ;;
*) exit 0 ;;
esac

# What the old version writes, and what this one will. The old one refuses what is newer.
new='@FORMATS@'
old=$(/usr/bin/recordings version --formats 2>/dev/null) || old='(it does not say)'
[ "$old" != "$new" ] || exit 0

without_search() { printf '%s\n' "$1" | sed 's/ search=[0-9]*//'; }
if [ "$(without_search "$old")" = "$(without_search "$new")" ]; then
	cat >&2 <<END
recordings: this version has another search index ($old, now $new). It is built anew from the
recordings when the service starts; searches are answered by 503 until that is done. To go back to the version before,
remove the directory "search" of the data, which is then built anew again.
END
else
	cat >&2 <<END
recordings: THIS UPGRADE CANNOT BE UNDONE by installing the version before again. What is stored changes:
  the version before writes  $old
  this version writes        $new
Only a backup goes back that the version before has made: recordings backup NAME
END
fi
