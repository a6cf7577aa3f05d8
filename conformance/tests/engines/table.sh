#!/bin/bash
# Runs the engine tests once for each runtime and prints the columns side by side. Ends badly if one fails, if a run leaves
# something on the machine, or if other tests are skipped than the list of this machine says, where it has one.
# usage: table.sh TEST-BINARY SKIPS RUNTIME... [-- FILTER...]
set -uo pipefail
binary=$1 skips=$2; shift 2
runtimes=(); while [ $# -gt 0 ] && [ "$1" != -- ]; do runtimes+=("$1"); shift; done
[ "${1:-}" != -- ] || shift
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
status=0

# What bears the name of a run, or of a container of its own: processes, mounts, cgroups, directories, units of systemd; and network
# namespaces that a mount keeps.
left() { # PID
	local names="orlop-engine-[a-z-]*-$1\\b|\\boc-$1-"
	ps -eo pid=,args= | grep -E "$names" | grep -v ' grep ' | sed 's/^/process /'
	grep -oE "/[^ ]*($names)[^ ]*" /proc/self/mounts | sed 's/^/mount /'
	find /sys/fs/cgroup -type d 2>/dev/null | grep -E "$names" | sed 's/^/cgroup /'
	find "${TMPDIR:-/tmp}" -maxdepth 1 | grep -E "$names" | sed 's/^/directory /'
	[ ! -d /run/systemd/system ] || systemctl list-units --all --plain --no-legend | grep -E "$names" | sed 's/^/unit /'
	comm -13 "$dir/namespaces" <(namespaces) | sed 's/^/network namespace /'
}
namespaces() { sed -n 's/^nsfs \([^ ]*\) .*/\1/p' /proc/self/mounts | sort; }

for runtime in "${runtimes[@]}"; do
	# Each verdict as it comes: the whole takes minutes, in a machine that may be stopped meanwhile.
	namespaces >"$dir/namespaces"
	RUNTIME=$runtime CONFORMANCE_VERDICTS=$dir/verdicts.$runtime \
		sh -c 'echo $$ >"$0"; exec "$@"' "$dir/pid" "$binary" --test-threads=1 "$@" 2>&1 |
		tee "$dir/log.$runtime" | sed -un "s/^test engines::\(.* \.\.\. .*\)/$runtime: \1/p" >&2 || {
		status=1
		sed -n '/^failures:/,$p' "$dir/log.$runtime" >&2
	}
	# The guardians of daemons end after the tests.
	for ((i = 0; i < 60; i++)); do rest=$(left "$(<"$dir/pid")"); [ -n "$rest" ] || break; sleep 0.5; done
	[ -z "$rest" ] || { printf '%s: left behind:\n%s\n' "$runtime" "$rest" >&2; status=1; }
	touch "$dir/verdicts.$runtime"
	[ $# != 0 ] || [ ! -e "$skips" ] || diff "$skips" <(grep '^SKIP ' "$dir/verdicts.$runtime" | LC_ALL=C sort -u) >&2 ||
		{ echo "$runtime: skipped otherwise than conformance/$skips says" >&2; status=1; }
	# A test that is skipped, or fails as expected/ says, passes, and says why in its verdict.
	awk 'FNR == NR { if ($1 == "SKIP") other[$2] = "skip"; if ($1 == "DIFFERS") other[$2] = "differs"; next }
		/^test .* \.\.\. / { name = $2; sub(/^engines::/, "", name); verdict = $NF; bare = name
			for (test in other) if (test ~ name ":$") verdict = other[test]
			print name, verdict }' "$dir/verdicts.$runtime" "$dir/log.$runtime" | sort >"$dir/column.$runtime"
done
{
	echo "test ${runtimes[*]}"
	first=${runtimes[0]}
	cp "$dir/column.$first" "$dir/table"
	for runtime in "${runtimes[@]:1}"; do join "$dir/table" "$dir/column.$runtime" >"$dir/next"; mv "$dir/next" "$dir/table"; done
	cat "$dir/table"
} | if command -v column >/dev/null; then column -t; else cat; fi
for runtime in "${runtimes[@]}"; do
	echo "$runtime: $(grep -c ' ok$' "$dir/column.$runtime") passed, $(grep -c ' skip$' "$dir/column.$runtime") skipped," \
		"$(grep -c ' differs$' "$dir/column.$runtime") fail as expected, $(grep -c ' FAILED$' "$dir/column.$runtime") failed"
done
exit $status
