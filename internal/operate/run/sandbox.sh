# The first process of a run, as root in mount and process namespaces of its
# own. It makes the run's room, becomes the run's user for what it starts, and
# ends with it; when it ends, the kernel kills all that is left in the room.
#
#   USER UID, GID; ROOM: the folder; IN, CONTENT, AGENT: what is bound into it
#   descriptors: 3 events of the callback, 4 secrets, 5 orders of the hub
set -euo pipefail
umask 022

mount -t tmpfs -o mode=0755,size=2g,nosuid,nodev vigie-run "$ROOM"
mkdir "$ROOM/content" "$ROOM/in" "$ROOM/secret"
install -d -m 0700 -o "$RUN_UID" -g "$RUN_GID" "$ROOM/home" "$ROOM/tmp" "$ROOM/cp"
mount --bind "$CONTENT" "$ROOM/content"
mount -o remount,bind,ro,nosuid,nodev "$ROOM/content"
mount --bind "$IN" "$ROOM/in"
mount -o remount,bind,ro,nosuid,nodev "$ROOM/in"
: >"$ROOM/agent.sock"
mount --bind "$AGENT" "$ROOM/agent.sock"
mount -t tmpfs -o mode=1777,size=1g,nosuid,nodev vigie-run /tmp
# A secret is two lines: its name and itself.
while IFS= read -r name <&4 && IFS= read -r secret <&4; do
	(umask 077 && printf '%s' "$secret" >"$ROOM/secret/$name")
	chown "$RUN_UID:$RUN_GID" "$ROOM/secret/$name"
done
exec 4<&-
chmod 0755 "$ROOM/secret"
unset secret name

cd "$ROOM/content"
setsid setpriv --reuid "$RUN_UID" --regid "$RUN_GID" --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all \
	env -i "${ENVIRONMENT[@]}" "$@" 4<&- 5<&- &
child=$!
exec 3>&-
# The hub says term, and nothing more when it is gone: then nobody wants the
# rest of the run.
(
	while IFS= read -r order <&5; do
		kill -TERM -- "-$child" 2>/dev/null || true
	done
	kill -KILL -- "-$child" 2>/dev/null || true
) &
exec 5<&-
status=0
wait "$child" || status=$?
exit "$status"
