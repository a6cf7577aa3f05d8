_orlop() {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= words word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case $word in --root|--log|--log-format|--rootless) ((i++)) ;; -*) ;; *) command=$word; break ;; esac
  done
  case $before in --additional-gids|--apparmor|--bundle|--cap|--cgroup|--console-socket|--cwd|--env|--format|--log|--log-format|--pid-file|--pidfd-socket|--preserve-fds|--process|--process-label|--root|--rootless|--trace|--user|-b|-c|-e|-f|-g|-p|-u) COMPREPLY=($(compgen -f -- "$current")); return ;; esac
  case $command in
    '') words="--root --log --log-format --debug --systemd-cgroup --rootless -h --help -v --version create start run exec kill delete pause resume state list ps spec plan features completion man help version" ;;
    create) words="-b --bundle --console-socket --pidfd-socket --pid-file --no-pivot --no-new-keyring --preserve-fds -h --help " ;;
    start) words="-h --help $(orlop list -q 2>/dev/null)" ;;
    run) words="-b --bundle --console-socket --pidfd-socket --pid-file -d --detach -t --tty --keep --no-subreaper --no-pivot --no-new-keyring --preserve-fds --trace -h --help " ;;
    exec) words="--console-socket --pidfd-socket --cwd -e --env -t --tty -u --user -g --additional-gids -p --process -d --detach --pid-file --process-label --apparmor --no-new-privs -c --cap --preserve-fds --cgroup --ignore-paused -h --help $(orlop list -q 2>/dev/null)" ;;
    kill) words="-a --all -h --help $(orlop list -q 2>/dev/null)" ;;
    delete) words="-f --force -h --help $(orlop list -q 2>/dev/null)" ;;
    pause) words="-h --help $(orlop list -q 2>/dev/null)" ;;
    resume) words="-h --help $(orlop list -q 2>/dev/null)" ;;
    state) words="-h --help $(orlop list -q 2>/dev/null)" ;;
    list) words="-f --format -q --quiet -h --help " ;;
    ps) words="-f --format -h --help $(orlop list -q 2>/dev/null)" ;;
    spec) words="-b --bundle --rootless -h --help " ;;
    plan) words="-b --bundle -h --help " ;;
    features) words="-h --help " ;;
    completion) words="-h --help bash zsh fish" ;;
    man) words="-h --help " ;;
    help) words="-h --help " ;;
    version) words="-h --help " ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o bashdefault -F _orlop orlop
