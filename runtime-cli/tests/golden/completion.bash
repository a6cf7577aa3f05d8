_orlop() {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= valued words i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in --root|--log|--log-format|--cgroup-manager|--rootless) ((i++)) ;; -*) ;; *) command=${COMP_WORDS[i]}; break ;; esac
  done
  case $command in
    '') valued="--root --log --log-format --cgroup-manager --rootless" words="--root --log --log-format --debug --systemd-cgroup --cgroup-manager --rootless -h --help -v --version create start run exec kill delete pause resume update mounts events checkpoint restore state list ps spec plan features completion man help version" ;;
    create) valued="-b --bundle --console-socket --pidfd-socket --pid-file --preserve-fds" words="-b --bundle --console-socket --pidfd-socket --pid-file --no-pivot --no-new-keyring --preserve-fds -h --help " ;;
    start) valued="" words="-h --help $(orlop list -q 2>/dev/null)" ;;
    run) valued="-b --bundle --console-socket --pidfd-socket --pid-file --preserve-fds --trace" words="-b --bundle --console-socket --pidfd-socket --pid-file -d --detach -t --tty --keep --no-subreaper --no-pivot --no-new-keyring --preserve-fds --trace -h --help " ;;
    exec) valued="--console-socket --pidfd-socket --cwd -e --env -u --user -g --additional-gids -p --process --pid-file --process-label --apparmor -c --cap --preserve-fds --cgroup" words="--console-socket --pidfd-socket --cwd -e --env -t --tty -u --user -g --additional-gids -p --process -d --detach --pid-file --process-label --apparmor --no-new-privs -c --cap --preserve-fds --cgroup --ignore-paused -h --help $(orlop list -q 2>/dev/null)" ;;
    kill) valued="" words="-a --all -h --help $(orlop list -q 2>/dev/null)" ;;
    delete) valued="" words="-f --force -h --help $(orlop list -q 2>/dev/null)" ;;
    pause) valued="" words="-h --help $(orlop list -q 2>/dev/null)" ;;
    resume) valued="" words="-h --help $(orlop list -q 2>/dev/null)" ;;
    update) valued="-r --resources --blkio-weight --cpu-period --cpu-quota --cpu-burst --cpu-share --cpu-rt-period --cpu-rt-runtime --cpuset-cpus --cpuset-mems --cpu-idle --memory --memory-reservation --memory-swap --kernel-memory --kernel-memory-tcp --pids-limit --l3-cache-schema --mem-bw-schema" words="-r --resources --blkio-weight --cpu-period --cpu-quota --cpu-burst --cpu-share --cpu-rt-period --cpu-rt-runtime --cpuset-cpus --cpuset-mems --cpu-idle --memory --memory-reservation --memory-swap --kernel-memory --kernel-memory-tcp --pids-limit --l3-cache-schema --mem-bw-schema -h --help $(orlop list -q 2>/dev/null)" ;;
    mounts) valued="" words="-h --help add remove" ;;
    events) valued="--interval" words="--interval --stats -h --help $(orlop list -q 2>/dev/null)" ;;
    checkpoint) valued="--image-path --work-path --parent-path --status-fd --page-server --manage-cgroups-mode --empty-ns" words="--image-path --work-path --parent-path --leave-running --tcp-established --tcp-skip-in-flight --link-remap --ext-unix-sk --shell-job --lazy-pages --status-fd --page-server --file-locks --pre-dump --manage-cgroups-mode --empty-ns --auto-dedup -h --help $(orlop list -q 2>/dev/null)" ;;
    restore) valued="--console-socket --image-path --work-path --manage-cgroups-mode -b --bundle --pid-file --empty-ns --lsm-profile --lsm-mount-context" words="--console-socket --image-path --work-path --tcp-established --tcp-close --ext-unix-sk --shell-job --file-locks --manage-cgroups-mode -b --bundle -d --detach --pid-file --no-subreaper --no-pivot --empty-ns --auto-dedup --lazy-pages --lsm-profile --lsm-mount-context -h --help $(orlop list -q 2>/dev/null)" ;;
    state) valued="" words="-h --help $(orlop list -q 2>/dev/null)" ;;
    list) valued="-f --format" words="-f --format -q --quiet -h --help " ;;
    ps) valued="-f --format" words="-f --format -h --help $(orlop list -q 2>/dev/null)" ;;
    spec) valued="-b --bundle" words="-b --bundle --rootless -h --help " ;;
    plan) valued="-b --bundle" words="-b --bundle -h --help " ;;
    features) valued="" words="-h --help " ;;
    completion) valued="" words="-h --help bash zsh fish" ;;
    man) valued="" words="-h --help " ;;
    help) valued="" words="-h --help " ;;
    version) valued="" words="-h --help " ;;
  esac
  if [[ " $valued " == *" $before "* ]]; then
    COMPREPLY=($(compgen -f -- "$current"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  fi
}
complete -o bashdefault -F _orlop orlop
