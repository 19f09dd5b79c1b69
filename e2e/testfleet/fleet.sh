# The part of the test fleet that mounts, links and boots. Called by the Go
# package, one verb a call:
#
#   base TO            build the root file system that all servers share, in TO
#   net BRIDGE CIDR    make a bridge with its address; fails when it exists
#   boot               start the server that the environment describes; becomes
#                      systemd-nspawn, so that the caller is its parent
#   down               stop it, its disk stays
#   keep               wait until standard input ends, then take everything down
#   sweep BRIDGE       take down what a fleet of that bridge left
#
# A server is FLEET (folder of the fleet), BRIDGE, NAME and its LINK (the name of
# its interface on the bridge, and of its network namespace).
set -euo pipefail

controllers='systemd unified pids memory cpu cpuacct cpu,cpuacct'

# groups prints the control groups of a server: one in each hierarchy. Two
# servers in one group would be two systemds that fight over it.
groups() {
	if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
		echo "/sys/fs/cgroup/vigie-$1"
		return
	fi
	local c
	for c in $controllers; do
		if [ -d "/sys/fs/cgroup/$c" ] && [ ! -L "/sys/fs/cgroup/$c" ]; then echo "/sys/fs/cgroup/$c/vigie-$1"; fi
	done
}

base() {
	local to=$1 archive suite
	# The first archive of this machine is the one the servers come from.
	read -r archive suite < <(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' | sort -u | awk '!/security|updates|backports/' | grep -E "$(. /etc/os-release && echo " ${VERSION_CODENAME:-bookworm}\$")")
	debootstrap --variant=minbase \
		--include=systemd-sysv,dbus,openssh-server,python3,python3-apt,ca-certificates,sudo,iproute2,procps,logrotate,cron \
		"$suite" "$to" "$archive"
	# All archives of this machine, security updates among them.
	apt-get indextargets --format 'deb $(REPO_URI) $(CODENAME) main' 'Created-By: Packages' | sort -u | grep -E " $suite(-[a-z]+)? main\$" >"$to/etc/apt/sources.list"
	rm -f "$to"/etc/ssh/ssh_host_*_key* "$to/etc/machine-id" "$to"/var/cache/apt/archives/*.deb
	# What waits for hardware or for a network that is not there.
	chroot "$to" systemctl mask --quiet systemd-networkd-wait-online.service systemd-resolved.service getty.target console-getty.service e2scrub_reap.service
	chroot "$to" systemctl disable --quiet e2scrub_all.timer fstrim.timer apt-daily.timer apt-daily-upgrade.timer 2>/dev/null || true
}

net() {
	ip link add "$1" type bridge
	ip addr add "$2" dev "$1"
	ip link set "$1" up
}

boot() {
	local dir=$FLEET/$NAME root=$FLEET/$NAME/root
	mkdir -p "$dir/disk" "$root"
	if ! mountpoint -q "$dir/disk"; then
		mount -t tmpfs -o "size=$DISK,mode=0755" "vigie-$LINK" "$dir/disk"
		mkdir "$dir/disk/upper" "$dir/disk/work"
	fi
	mountpoint -q "$root" || mount -t overlay "vigie-$LINK" -o "lowerdir=$BASE,upperdir=$dir/disk/upper,workdir=$dir/disk/work" "$root"
	if [ ! -e "$root/etc/vigie-test-server" ]; then
		echo "$NAME" >"$root/etc/hostname"
		systemd-id128 new >"$root/etc/machine-id"
		# Without an answer for its own name, and with a resolver that does not
		# answer, collecting facts would wait for ten seconds.
		printf '127.0.0.1 localhost\n%s %s\n' "$ADDRESS" "$NAME" >"$root/etc/hosts"
		rm -f "$root/etc/resolv.conf"
		: >"$root/etc/resolv.conf"
		# The proxy speaks TLS to archives that want it.
		sed -i 's,https://,http://,' "$root/etc/apt/sources.list"
		printf 'Acquire::http::Proxy "%s";\nAcquire::Languages "none";\n' "$PROXY" >"$root/etc/apt/apt.conf.d/01proxy"
		# The clock is this machine's: a chrony that gets installed watches it and
		# sets nothing; by itself it would not start.
		install -d "$root/etc/systemd/system/chrony.service.d"
		printf '[Unit]\nConditionCapability=\n\n[Service]\nExecStart=\nExecStart=!/usr/sbin/chronyd -x $DAEMON_OPTS\n' >"$root/etc/systemd/system/chrony.service.d/clock.conf"
		install -d -m 0700 "$root/root/.ssh"
		printf '%s' "$AUTHORIZED" >"$root/root/.ssh/authorized_keys"
		hostkey "$root/etc/ssh/ssh_host_ed25519_key"
		printf 'PermitRootLogin prohibit-password\nPasswordAuthentication no\nUseDNS no\nMaxStartups 100\nHostKey /etc/ssh/ssh_host_ed25519_key\n' >"$root/etc/ssh/sshd_config.d/01-test.conf"
		touch "$root/etc/vigie-test-server"
	fi
	ip netns add "$LINK" 2>/dev/null || true
	if ! ip link show "$LINK" >/dev/null 2>&1; then
		ip link add "$LINK" type veth peer name eth0 netns "$LINK"
		ip link set "$LINK" master "$BRIDGE" up
		ip -n "$LINK" link set lo up
		ip -n "$LINK" addr add "$ADDRESS/24" dev eth0
		ip -n "$LINK" link set eth0 up
	fi
	local g
	for g in $(groups "$LINK"); do
		mkdir -p "$g"
		echo $BASHPID >"$g/cgroup.procs"
	done
	export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=0
	if [ -e /sys/fs/cgroup/cgroup.controllers ]; then SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1; fi
	echo $BASHPID >"$dir/pid"
	# Reading how far the clock is off is asked of the kernel by the call that
	# sets it, too; setting it stays forbidden.
	exec systemd-nspawn --quiet --system-call-filter=adjtimex --register=no --keep-unit --network-namespace-path="/run/netns/$LINK" -M "$LINK" -D "$root" \
		--hostname="$NAME" --resolv-conf=off --timezone=off --console=pipe --kill-signal=SIGRTMIN+3 --boot
}

# hostkey gives a server the host key that KEEP has of it, or makes one.
hostkey() {
	if [ -n "$KEEP" ] && [ -s "$KEEP/$NAME.key" ]; then
		install -m 0600 "$KEEP/$NAME.key" "$1"
		ssh-keygen -y -f "$1" >"$1.pub"
		return
	fi
	ssh-keygen -q -t ed25519 -N '' -C "$NAME" -f "$1"
	if [ -n "$KEEP" ]; then
		install -m 0600 "$1" "$KEEP/$NAME.new"
		mv "$KEEP/$NAME.new" "$KEEP/$NAME.key"
	fi
}

# stop ends a server as a power cut does. Its init is the child of nspawn: a
# kill of nspawn itself would leave it running; with its init gone the whole
# server is, and nspawn ends by itself.
stop() {
	local dir=$1 pid child
	[ -s "$dir/pid" ] || return 0
	pid=$(cat "$dir/pid")
	if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = systemd-nspawn ]; then
		for child in $(pgrep -P "$pid" || true); do kill -KILL "$child" 2>/dev/null || true; done
		local i
		for i in $(seq 200); do
			if [ ! -e "/proc/$pid" ] || grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null; then break; fi
			if [ "$i" = 150 ]; then kill -KILL "$pid" 2>/dev/null || true; fi
			sleep 0.02
		done
	fi
	rm -f "$dir/pid"
}

# remove takes one server away, with its disk.
remove() {
	local dir=$1 link=$2 g i
	stop "$dir"
	ip link del "$link" 2>/dev/null || true
	ip netns del "$link" 2>/dev/null || true
	for m in root disk; do
		for i in $(seq 100); do
			mountpoint -q "$dir/$m" || break
			umount "$dir/$m" 2>/dev/null && break
			sleep 0.05
		done
		if mountpoint -q "$dir/$m"; then umount -l "$dir/$m" || true; fi
	done
	for g in $(groups "$link"); do
		if [ -d "$g" ]; then find "$g" -depth -type d -exec rmdir {} + 2>/dev/null || true; fi
	done
	rm -rf "$dir"
}

sweep() {
	local bridge=$1 dir
	for dir in "$FLEET"/*/; do
		[ -d "$dir" ] || continue
		[ -s "$dir/link" ] && remove "${dir%/}" "$(cat "$dir/link")"
	done
	ip link del "$bridge" 2>/dev/null || true
	rm -rf "$FLEET"
}

keep() {
	# A Ctrl-C at the terminal is for the program, not for who cleans up after it.
	trap '' INT TERM HUP
	exec 9>"$FLEET/lock"
	flock 9
	echo kept
	cat >/dev/null
	sweep "$BRIDGE"
}

case $1 in
base | net | sweep) "$@" ;;
boot) boot ;;
down) stop "$FLEET/$NAME" ;;
keep) keep ;;
*) exit 2 ;;
esac
