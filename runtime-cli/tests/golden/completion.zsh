#compdef orlop

_orlop() {
  local context state line ids=($(orlop list -q 2>/dev/null))
  _arguments -C \
        '*--root[keep the state of containers in DIR (default /run/orlop)]:DIR:_files' \
        '*--log[append errors and warnings to FILE]:FILE:_files' \
        '*--log-format[write the log as text (default) or json]:FORMAT:' \
        '*--debug[log what a developer wants to know]' \
        '*--systemd-cgroup[let systemd make the cgroups: cgroupsPath is slice:prefix:name]' \
        '*--cgroup-manager[who makes the cgroups: cgroupfs (default), systemd or disabled]:WHO:' \
        '*--rootless[do without cgroups that may not be made: true, false or auto (default: unless root)]:WHEN:' \
        '*-h[show this help]' \
        '*--help[show this help]' \
        '*-v[show the version]' \
        '*--version[show the version]' \
        '1:command:->command' '*::argument:->argument'
  case $state in
    command) _describe command '( create:create\ a\ container\ from\ a\ bundle start:start\ the\ process\ of\ a\ created\ container run:create\ and\ start\ a\ container\,\ and\ wait\ for\ it exec:run\ a\ second\ process\ in\ a\ running\ container kill:send\ a\ signal\ to\ a\ container delete:delete\ a\ stopped\ container pause:freeze\ every\ process\ of\ a\ container resume:thaw\ a\ paused\ container update:change\ the\ limits\ of\ a\ container mounts:add\ mounts\ to\ a\ container\ that\ is\ there\,\ or\ take\ them\ out events:show\ what\ a\ container\ uses\,\ and\ when\ it\ runs\ out\ of\ memory checkpoint:write\ a\ running\ container\ to\ files restore:make\ a\ container\ of\ a\ checkpoint state:show\ the\ state\ of\ a\ container\,\ as\ JSON list:list\ the\ containers ps:show\ the\ processes\ of\ a\ container spec:write\ a\ config.json\ to\ begin\ with plan:show\ what\ would\ be\ done\ for\ a\ bundle features:show\ what\ this\ runtime\ can\ do\,\ as\ JSON completion:write\ completions\ for\ a\ shell man:write\ the\ manual\ page help:show\ help\ for\ all\ or\ one\ of\ the\ commands version:show\ the\ version )' ;;
    argument) case $line[1] in
      create) _arguments \
        '*-b[the bundle (default: the current directory)]:DIR:_files' \
        '*--bundle[the bundle (default: the current directory)]:DIR:_files' \
        '*--console-socket[send the master of the container'\''s terminal to this unix socket]:SOCKET:_files' \
        '*--pidfd-socket[send a pidfd of the process to this unix socket]:SOCKET:_files' \
        '*--pid-file[write the process id to FILE]:FILE:_files' \
        '*--no-pivot[enter the root without pivot_root(2), as on a ramdisk]' \
        '*--no-new-keyring[keep the caller'\''s session keyring]' \
        '*--preserve-fds[pass on N more file descriptors, from 3 (default 0)]:N:' \
        '*-h[show this help]' \
        '*--help[show this help]' \
        '1:argument:()' ;;
      start) _arguments \
        '*-h[show this help]' \
        '*--help[show this help]' \
        "1:container:($ids)" "*::argument:_normal" ;;
      run) _arguments \
        '*-b[the bundle (default: the current directory)]:DIR:_files' \
        '*--bundle[the bundle (default: the current directory)]:DIR:_files' \
        '*--console-socket[send the master of the container'\''s terminal to this unix socket]:SOCKET:_files' \
        '*--pidfd-socket[send a pidfd of the process to this unix socket]:SOCKET:_files' \
        '*--pid-file[write the process id to FILE]:FILE:_files' \
        '*-d[do not wait for the process]' \
        '*--detach[do not wait for the process]' \
        '*-t[give the process a terminal even if config.json does not]' \
        '*--tty[give the process a terminal even if config.json does not]' \
        '*--keep[do not delete the container when it has stopped]' \
        '*--no-subreaper[do not adopt processes that outlive their parents]' \
        '*--no-pivot[enter the root without pivot_root(2), as on a ramdisk]' \
        '*--no-new-keyring[keep the caller'\''s session keyring]' \
        '*--preserve-fds[pass on N more file descriptors, from 3 (default 0)]:N:' \
        '*--trace[write the time of each step to FILE as Chrome trace events, or draw it (-)]:FILE:_files' \
        '*-h[show this help]' \
        '*--help[show this help]' \
        '1:argument:()' ;;
      exec) _arguments \
        '*--console-socket[send the master of the container'\''s terminal to this unix socket]:SOCKET:_files' \
        '*--pidfd-socket[send a pidfd of the process to this unix socket]:SOCKET:_files' \
        '*--cwd[the working directory in the container]:DIR:_files' \
        '*-e[set an environment variable (may be repeated)]:NAME=VALUE:' \
        '*--env[set an environment variable (may be repeated)]:NAME=VALUE:' \
        '*-t[give the process a terminal]' \
        '*--tty[give the process a terminal]' \
        '*-u[the user, in numbers]:user:' \
        '*--user[the user, in numbers]:user:' \
        '*-g[one more group (may be repeated)]:GID:' \
        '*--additional-gids[one more group (may be repeated)]:GID:' \
        '*-p[read the process from this process.json]:FILE:_files' \
        '*--process[read the process from this process.json]:FILE:_files' \
        '*-d[do not wait for the process]' \
        '*--detach[do not wait for the process]' \
        '*--pid-file[write the process id to FILE]:FILE:_files' \
        '*--process-label[the SELinux label of the process]:LABEL:' \
        '*--apparmor[the AppArmor profile of the process]:PROFILE:' \
        '*--no-new-privs[never gain privileges through execve(2)]' \
        '*-c[add a capability (may be repeated)]:CAP:' \
        '*--cap[add a capability (may be repeated)]:CAP:' \
        '*--preserve-fds[pass on N more file descriptors, from 3 (default 0)]:N:' \
        '*--cgroup[start in this cgroup below the container'\''s (may be repeated)]:cgroup:' \
        '*--ignore-paused[also in a paused container; the process waits there]' \
        '*-h[show this help]' \
        '*--help[show this help]' \
        "1:container:($ids)" "*::argument:_normal" ;;
      kill) _arguments \
        '*-a[signal every process of the container]' \
        '*--all[signal every process of the container]' \
        '*-h[show this help]' \
        '*--help[show this help]' \
        "1:container:($ids)" "*::argument:_normal" ;;
      delete) _arguments \
        '*-f[kill the container first if it runs]' \
        '*--force[kill the container first if it runs]' \
        '*-h[show this help]' \
        '*--help[show this help]' \
        "1:container:($ids)" "*::argument:_normal" ;;
      pause) _arguments \
        '*-h[show this help]' \
        '*--help[show this help]' \
        "1:container:($ids)" "*::argument:_normal" ;;
      resume) _arguments \
        '*-h[show this help]' \
        '*--help[show this help]' \
        "1:container:($ids)" "*::argument:_normal" ;;
      update) _arguments \
        '*-r[read what is to change from FILE, or from stdin (-), as JSON]:FILE:_files' \
        '*--resources[read what is to change from FILE, or from stdin (-), as JSON]:FILE:_files' \
        '*--blkio-weight[share of disk time, 10 to 1000]:N:' \
        '*--cpu-period[the period that --cpu-quota is of]:MICROSECONDS:' \
        '*--cpu-quota[processor time in each period; -1 is no limit]:MICROSECONDS:' \
        '*--cpu-burst[unused time that may be saved up for a burst]:MICROSECONDS:' \
        '*--cpu-share[share of processor time among containers, 2 to 262144]:N:' \
        '*--cpu-rt-period[the period that --cpu-rt-runtime is of (cgroup v1)]:MICROSECONDS:' \
        '*--cpu-rt-runtime[real-time in each real-time period (cgroup v1)]:MICROSECONDS:' \
        '*--cpuset-cpus[the processors to use: 0-3,7]:LIST:' \
        '*--cpuset-mems[the memory nodes to use]:LIST:' \
        '*--cpu-idle[1: run only where a processor is idle (SCHED_IDLE)]:0|1:' \
        '*--memory[limit of memory: 512m, 1.5g; -1 is no limit]:BYTES:' \
        '*--memory-reservation[memory that is kept when it gets scarce]:BYTES:' \
        '*--memory-swap[limit of memory and swap together; -1 is no limit]:BYTES:' \
        '*--kernel-memory[refused: Linux has no such limit any more]:BYTES:' \
        '*--kernel-memory-tcp[refused: the specification gave it up]:BYTES:' \
        '*--pids-limit[how many processes and threads there may be; -1 is no limit]:N:' \
        '*--l3-cache-schema[share of the L3 cache, Intel RDT]:SCHEMA:' \
        '*--mem-bw-schema[share of memory bandwidth, Intel RDT]:SCHEMA:' \
        '*-h[show this help]' \
        '*--help[show this help]' \
        "1:container:($ids)" "*::argument:_normal" ;;
      mounts) _arguments \
        '*-h[show this help]' \
        '*--help[show this help]' \
        '1:argument:(add remove)' ;;
      events) _arguments \
        '*--interval[how often the usage is shown: 5s (default), 500ms, 1m30s]:TIME:' \
        '*--stats[show the usage once, now]' \
        '*-h[show this help]' \
        '*--help[show this help]' \
        "1:container:($ids)" "*::argument:_normal" ;;
      checkpoint) _arguments \
        '*--image-path[where the checkpoint lies (default: ./checkpoint)]:DIR:_files' \
        '*--work-path[where CRIU logs and works (default: with the images)]:DIR:_files' \
        '*--parent-path[the checkpoint before, seen from --image-path: write what has changed since]:DIR:_files' \
        '*--leave-running[go on after the checkpoint]' \
        '*--tcp-established[keep established TCP connections]' \
        '*--tcp-skip-in-flight[leave out TCP connections that are being made]' \
        '*--link-remap[keep removed files that are open, by a link]' \
        '*--ext-unix-sk[allow unix sockets whose other end is outside]' \
        '*--shell-job[allow processes of the caller'\''s session]' \
        '*--lazy-pages[move pages of memory when they are needed (userfaultfd)]' \
        '*--status-fd[write a zero byte to descriptor N once lazy pages can be had]:N:' \
        '*--page-server[send pages of memory to this page server]:ADDRESS:PORT:' \
        '*--file-locks[keep file locks]' \
        '*--pre-dump[write memory only, for a checkpoint to come, and go on]' \
        '*--manage-cgroups-mode[what is kept of cgroups: soft (default), full, strict, ignore]:MODE:' \
        '*--empty-ns[network: leave out what is in it (so it is without the flag, too)]:KIND:' \
        '*--auto-dedup[free in older images what newer ones have]' \
        '*-h[show this help]' \
        '*--help[show this help]' \
        "1:container:($ids)" "*::argument:_normal" ;;
      restore) _arguments \
        '*--console-socket[send the master of the container'\''s terminal to this unix socket]:SOCKET:_files' \
        '*--image-path[where the checkpoint lies (default: ./checkpoint)]:DIR:_files' \
        '*--work-path[where CRIU logs and works (default: with the images)]:DIR:_files' \
        '*--tcp-established[keep established TCP connections]' \
        '*--tcp-close[restore established TCP connections as closed]' \
        '*--ext-unix-sk[allow unix sockets whose other end is outside]' \
        '*--shell-job[allow processes of the caller'\''s session]' \
        '*--file-locks[keep file locks]' \
        '*--manage-cgroups-mode[what is kept of cgroups: soft (default), full, strict, ignore]:MODE:' \
        '*-b[the bundle (default: the current directory)]:DIR:_files' \
        '*--bundle[the bundle (default: the current directory)]:DIR:_files' \
        '*-d[do not wait for the process]' \
        '*--detach[do not wait for the process]' \
        '*--pid-file[write the process id to FILE]:FILE:_files' \
        '*--no-subreaper[do not adopt processes that outlive their parents]' \
        '*--no-pivot[refused: CRIU enters the root in its own way]' \
        '*--empty-ns[network: leave out what is in it (so it is without the flag, too)]:KIND:' \
        '*--auto-dedup[free in older images what newer ones have]' \
        '*--lazy-pages[move pages of memory when they are needed (userfaultfd)]' \
        '*--lsm-profile[another profile: apparmor:NAME or selinux:LABEL]:TYPE:NAME:' \
        '*--lsm-mount-context[another SELinux context of the mounts]:CONTEXT:' \
        '*-h[show this help]' \
        '*--help[show this help]' \
        "1:container:($ids)" "*::argument:_normal" ;;
      state) _arguments \
        '*-h[show this help]' \
        '*--help[show this help]' \
        "1:container:($ids)" "*::argument:_normal" ;;
      list) _arguments \
        '*-f[table (default) or json]:FORMAT:' \
        '*--format[table (default) or json]:FORMAT:' \
        '*-q[show nothing but the ids]' \
        '*--quiet[show nothing but the ids]' \
        '*-h[show this help]' \
        '*--help[show this help]' \
        '1:argument:()' ;;
      ps) _arguments \
        '*-f[table (default) or json]:FORMAT:' \
        '*--format[table (default) or json]:FORMAT:' \
        '*-h[show this help]' \
        '*--help[show this help]' \
        "1:container:($ids)" "*::argument:_normal" ;;
      spec) _arguments \
        '*-b[the bundle (default: the current directory)]:DIR:_files' \
        '*--bundle[the bundle (default: the current directory)]:DIR:_files' \
        '*--rootless[with a user namespace that maps root to the caller]' \
        '*-h[show this help]' \
        '*--help[show this help]' \
        '1:argument:()' ;;
      plan) _arguments \
        '*-b[the bundle (default: the current directory)]:DIR:_files' \
        '*--bundle[the bundle (default: the current directory)]:DIR:_files' \
        '*-h[show this help]' \
        '*--help[show this help]' \
        '1:argument:()' ;;
      features) _arguments \
        '*-h[show this help]' \
        '*--help[show this help]' \
        '1:argument:()' ;;
      completion) _arguments \
        '*-h[show this help]' \
        '*--help[show this help]' \
        '1:argument:(bash zsh fish)' ;;
      man) _arguments \
        '*-h[show this help]' \
        '*--help[show this help]' \
        '1:argument:()' ;;
      help) _arguments \
        '*-h[show this help]' \
        '*--help[show this help]' \
        '1:argument:()' ;;
      version) _arguments \
        '*-h[show this help]' \
        '*--help[show this help]' \
        '1:argument:()' ;;
    esac ;;
  esac
}

_orlop "$@"
