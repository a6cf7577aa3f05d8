#!/bin/bash
# Runs the engine tests once for each runtime and prints the columns side by side. Ends badly if one of Orlop's fails.
# usage: table.sh TEST-BINARY RUNTIME... [-- FILTER...]
set -uo pipefail
binary=$1; shift
runtimes=(); while [ $# -gt 0 ] && [ "$1" != -- ]; do runtimes+=("$1"); shift; done
[ "${1:-}" != -- ] || shift
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
status=0
for runtime in "${runtimes[@]}"; do
	# Each verdict as it comes: the whole takes minutes, in a machine that may be stopped meanwhile.
	RUNTIME=$runtime CONFORMANCE_VERDICTS=$dir/verdicts.$runtime "$binary" --test-threads=1 "$@" 2>&1 |
		tee "$dir/log.$runtime" | sed -un "s/^test engines::\(.* \.\.\. .*\)/$runtime: \1/p" >&2 || {
		[ "$runtime" != orlop ] || status=1
		sed -n '/^failures:/,$p' "$dir/log.$runtime" >&2
	}
	touch "$dir/verdicts.$runtime"
	# A test that is skipped passes, and says why in its verdict.
	awk 'FNR == NR { if ($1 == "SKIP") skipped[$2] = 1; next }
		/^test .* \.\.\. / { name = $2; sub(/^engines::/, "", name); verdict = $NF; bare = name
			for (test in skipped) if (test ~ name ":$") verdict = "skip"
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
		"$(grep -c ' FAILED$' "$dir/column.$runtime") failed"
done
exit $status
