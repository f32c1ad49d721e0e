# lib.sh - what up, down and tests/run share: telling what happens, installing
# what is missing, and processes that are ours.   (sourced by bash)
#
# A process is ours when its pid file stands in our run folder, it runs the
# program named there, and its working folder is our run folder: a pid that was
# given to somebody else since is never touched.
# shellcheck shell=bash disable=SC2034

BUILD_PACKAGES=(cmake ninja-build gcc libc6-dev pkg-config uthash-dev libuv1-dev libmicrohttpd-dev libhiredis-dev
	libcurl4-openssl-dev libcjson-dev libssl-dev libexpat1-dev)
RUN_PACKAGES=(redis-server haproxy openssl curl ca-certificates python3 python3-websockets)

started_at=$SECONDS
outcome=         # of the last ensure_process

say() {
	printf '[%3d s] %s\n' "$((SECONDS - started_at))" "$*"
}

die() { # MESSAGE [LOG]: the end, with the last lines of what failed
	say "FAILED: $1" >&2
	if [ -n "${2:-}" ] && [ -s "$2" ]; then
		printf -- '--- last lines of %s\n' "$2" >&2
		tail -n 25 "$2" >&2
	fi
	exit 1
}

long_step() { # LABEL LOG COMMAND...: tells every 10 s that and where it still is
	local label=$1 log=$2 pid ticks=0 since=$SECONDS
	shift 2
	say "$label ..."
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		ticks=$((ticks + 1))
		if [ $((ticks % 50)) = 0 ]; then
			say "    $((SECONDS - since)) s: $(tail -n 1 "$log" | tr -d '\r' | cut -c 1-90)"
		fi
	done
	wait "$pid"
}

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

missing_packages() { # PACKAGE...: those that are not installed
	local package
	for package in "$@"; do
		dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || echo "$package"
	done
}

# Debian starts a daemon as soon as its package is there, and at every boot.  We
# run our own, so a daemon that comes only because of us is neither started nor
# enabled; one that was there before stays as it is.
install_packages() { # LOG PACKAGE...
	local log=$1 policy=/usr/sbin/policy-rc.d ours=no daemon status=0
	local -a missing
	shift
	command -v dpkg-query >/dev/null || die "this needs Debian 12 or later (no dpkg here)"
	mapfile -t missing < <(missing_packages "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
		die "run this as root, or first: apt-get install ${missing[*]}"
	fi
	say "missing from Debian: ${missing[*]}"
	as_root true
	long_step "Reading Debian's package lists" "$log" as_root apt-get update || die "apt-get update" "$log"
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
		as_root chmod 755 $policy
		ours=yes
	fi
	long_step "Installing ${#missing[@]} packages" "$log" \
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" || status=$?
	[ $ours = no ] || as_root rm -f $policy
	for daemon in redis-server haproxy; do
		case " ${missing[*]} " in
		*" $daemon "*) as_root update-rc.d "$daemon" disable >/dev/null 2>&1 || true ;;
		esac
	done
	[ $status = 0 ] || die "installing packages" "$log"
}

# ---- processes; RUN is set by whoever sources this

process_pid() { # NAME: its pid, when it runs and is ours
	local pid program
	[ -r "$RUN/$1.pid" ] || return 1
	{ read -r pid && read -r program; } <"$RUN/$1.pid" || return 1
	[ "$(readlink "/proc/$pid/exe" 2>/dev/null | sed 's/ (deleted)$//')" = "$program" ] || return 1
	case "$(readlink "/proc/$pid/cwd" 2>/dev/null)/" in
	"$RUN/"*) echo "$pid" ;;
	*) return 1 ;;
	esac
}

port_is_taken() { # PORT
	(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

start_process() { # NAME [VARIABLE=VALUE...] PROGRAM ARGUMENT...
	local name=$1 program
	shift
	for program in "$@"; do
		[[ $program == *=* ]] || break
	done
	program=$(readlink -f "$(command -v "$program")")
	(cd "$RUN" && exec setsid env "$@" >>"$RUN/log/$name.log" 2>&1 </dev/null) &
	printf '%s\n%s\n' $! "$program" >"$RUN/$name.pid"
}

stop_process() { # NAME SECONDS: asks it to end and waits; 1 when it had to be killed
	local name=$1 pid tries
	if ! pid=$(process_pid "$name"); then
		rm -f "$RUN/$name.pid" "$RUN/$name.stamp"
		return 0
	fi
	kill -TERM "$pid"
	for ((tries = $2 * 10; tries > 0; tries--)); do
		if ! process_pid "$name" >/dev/null; then
			rm -f "$RUN/$name.pid" "$RUN/$name.stamp"
			say "stopped $name (pid $pid)"
			return 0
		fi
		sleep 0.1
	done
	say "$name (pid $pid) did not stop in $2 s: killing it"
	kill -KILL "$pid" 2>/dev/null
	rm -f "$RUN/$name.pid" "$RUN/$name.stamp"
	return 1
}

# Keeps a process that runs what it should, replaces one that does not, starts
# one that is not there.  What it should run: the command with its environment,
# and the contents of the files named (the program, its configuration).
# Afterwards $outcome is kept, replaced or started.
ensure_process() { # NAME PORT FILE... -- [VARIABLE=VALUE...] PROGRAM ARGUMENT...
	local name=$1 port=$2 stamp pid
	local -a files=()
	shift 2
	while [ "$1" != -- ]; do files+=("$1"); shift; done
	shift
	stamp=$({ printf '%s\n' "$@"; cat "${files[@]}"; } | sha256sum)
	outcome=started
	if pid=$(process_pid "$name"); then
		if [ "$(cat "$RUN/$name.stamp" 2>/dev/null)" = "$stamp" ]; then
			outcome=kept
			say "$name keeps running (pid $pid, port $port)"
			return 0
		fi
		outcome=replaced
		stop_process "$name" 30 || true
	fi
	! port_is_taken "$port" || die "port $port, meant for $name, is in use by another program (ports can be set, see deploy/up --help)"
	start_process "$name" "$@"
	echo "$stamp" >"$RUN/$name.stamp"
	say "$name $outcome (pid $(head -n 1 "$RUN/$name.pid"), port $port)"
}

wait_until() { # SECONDS NAME COMMAND...: polls until it succeeds while NAME runs
	local tries name=$2
	for ((tries = $1 * 10; tries > 0; tries--)); do
		process_pid "$name" >/dev/null || { sleep 0.2; process_pid "$name" >/dev/null || return 1; }
		"${@:3}" >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	return 1
}
