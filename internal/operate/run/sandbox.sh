# The first process of a run, as root in mount and process namespaces of its
# own. It makes the run's room, becomes the run's user for what it starts, and
# ends with it; when it ends, the kernel kills all that is left in the room.
#
#   USER UID, GID; ROOM: the folder; IN, CONTENT, AGENT: what is bound into it
#   descriptors: 3 events of the callback, 4 secrets, 5 orders of the hub
set -euo pipefail
umask 022

mount -t tmpfs -o mode=0755,size=2g,nosuid,nodev vigie-run "$ROOM"
mkdir "$ROOM/content" "$ROOM/in" "$ROOM/secret" "$ROOM/home" "$ROOM/tmp" "$ROOM/cp"
# The hub may have to do without the right to give files away, and to signal
# others' processes: what is the user's is made, and stopped, by the user.
for own in secret home tmp cp; do
	mount -t tmpfs -o "uid=$RUN_UID,gid=$RUN_GID,mode=0700,size=2g,nosuid,nodev" vigie-run "$ROOM/$own"
done
as_user=(setpriv --reuid "$RUN_UID" --regid "$RUN_GID" --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all)
mount --bind "$CONTENT" "$ROOM/content"
mount -o remount,bind,ro,nosuid,nodev "$ROOM/content"
mount --bind "$IN" "$ROOM/in"
mount -o remount,bind,ro,nosuid,nodev "$ROOM/in"
: >"$ROOM/agent.sock"
mount --bind "$AGENT" "$ROOM/agent.sock"
mount -t tmpfs -o mode=1777,size=1g,nosuid,nodev vigie-run /tmp
# A secret is two lines: its name and itself.
while IFS= read -r name <&4 && IFS= read -r secret <&4; do
	printf '%s' "$secret" | "${as_user[@]}" bash -c 'umask 077 && cat >"$1"' bash "$ROOM/secret/$name"
done
exec 4<&-
unset secret name

cd "$ROOM/content"
setsid "${as_user[@]}" \
	env -i "${ENVIRONMENT[@]}" "$@" 4<&- 5<&- &
child=$!
exec 3>&-
# The hub says term, and nothing more when it is gone: then nobody wants the
# rest of the run.
(
	while IFS= read -r order <&5; do
		"${as_user[@]}" bash -c 'kill -TERM -- "-$1"' bash "$child" 2>/dev/null || true
	done
	"${as_user[@]}" bash -c 'kill -KILL -- "-$1"' bash "$child" 2>/dev/null || true
) &
exec 5<&-
status=0
wait "$child" || status=$?
exit "$status"
