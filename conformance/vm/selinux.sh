#!/bin/sh
# SELinux for the tests that need it (`needs::selinux`), in a machine that was booted with `security=selinux selinux=1 enforcing=0`.
#
#   selinux.sh compile FILE   compiles selinux.cil, beside this script, into FILE (Debian: apt install secilc)
#   selinux.sh load FILE      gives it to the kernel, once per boot
set -eu
case $1 in
compile) secilc -c 33 -f /dev/null -o "$2" "$(dirname "$0")/selinux.cil" ;;
load) cat "$2" > /sys/fs/selinux/load ;;
*) sed -n 's/^# //p' "$0"; exit 2 ;;
esac
