#!/usr/bin/env bash
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
#
# Proves that the repository needs nothing but Debian 12: makes a bare root
# file system (`mmdebstrap --variant=minbase`), puts a clean clone of HEAD into
# it and runs `./run COMMAND` there, for each command given, with its time.
#
# usage: tools/dev/bare_root.sh [--keep] [--data DIR] [--repo REPO] DIR [COMMAND...]
#
#   DIR        where the root goes; it must not exist yet, except with --keep
#   COMMAND    what to run, one argument each (default: deps build test)
#   --keep     use the root that an earlier run left in DIR
#   --data     show this folder of data sets to the tests, read-only
#   --repo     clone this repository (default: the one of this script)
#
# Needs root and mmdebstrap. Mirrors, proxies and additional certificates are
# those of the host: its /etc/apt, its *_proxy, PIP_* and JOBS variables and
# its /usr/local/share/ca-certificates.

set -euo pipefail

die() {
  echo "bare_root: $*" >&2
  exit 1
}

keep=0
data=""
repo="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
while [[ ${1:-} == --* ]]; do
  case "$1" in
    --keep) keep=1 ;;
    --data) data="$(realpath "$2")" && shift ;;
    --repo) repo="$(realpath "$2")" && shift ;;
    *) die "unknown option $1" ;;
  esac
  shift
done
[[ $# -ge 1 ]] || die "expects a folder for the root file system"
[[ $(id -u) == 0 ]] || die "needs to run as root"
command -v mmdebstrap > /dev/null || die "mmdebstrap is not installed"
root="$(realpath -m "$1")"
shift
[[ $# -ge 1 ]] || set -- deps build test

# The host's sources for one suite, in one-line form: mirrors are kept,
# repositories other than Debian's own are not.
host_source() {
  local suite="$1" mirror
  mirror="$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2> /dev/null |
    awk -v suite="$suite" '
      $1 == "URIs:" { uri = $2 }
      $1 == "Suites:" {
        for (i = 2; i <= NF; i++) if ($i == suite) { print uri; exit }
      }
      $1 == "deb" {
        sub(/\[[^]]*\] /, "")
        if ($3 == suite) { print $2; exit }
      }')"
  [[ -n $mirror ]] || die "the host's apt has no source of $suite"
  echo "deb $mirror $suite main"
}

make_root() {
  local release security
  release="$(host_source bookworm)"
  security="$(host_source bookworm-security)"
  mmdebstrap --variant=minbase --quiet bookworm "$root" "$release" "$security"
  # How the host reaches its mirrors (proxies, checks of dates).
  local file
  for file in /etc/apt/apt.conf.d/*; do
    if grep -q '^ *Acquire::' "$file" 2> /dev/null; then
      cp "$file" "$root/etc/apt/apt.conf.d/"
    fi
  done
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  # The package ca-certificates adds these to the bundle when it arrives.
  if compgen -G '/usr/local/share/ca-certificates/*.crt' > /dev/null; then
    mkdir -p "$root/usr/local/share/ca-certificates"
    cp -L /usr/local/share/ca-certificates/*.crt \
      "$root/usr/local/share/ca-certificates/"
  fi
}

mounts=()
unmount_all() {
  local i
  for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do
    umount -l "${mounts[i]}" || true
  done
}
trap unmount_all EXIT

mount_at() {
  mkdir -p "$root/${*: -1}"
  mount "${@:1:$#-1}" "$root/${*: -1}"
  mounts+=("$root/${*: -1}")
}

# Runs a shell command inside, with nothing of the host's environment but what
# says how to reach package registries.
inside() {
  local variable environment=()
  for variable in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY \
    NO_PROXY PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_DEFAULT_TIMEOUT PIP_CERT \
    JOBS; do
    [[ -z ${!variable:-} ]] || environment+=("$variable=${!variable}")
  done
  env -i HOME=/root TERM=dumb LANG=C.UTF-8 "${environment[@]}" \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    chroot "$root" /bin/bash -c "$1"
}

if [[ $keep == 0 || ! -d $root ]]; then
  [[ ! -e $root ]] || die "$root exists; remove it or pass --keep"
  start=$SECONDS
  make_root
  echo "bare_root: made the root in $((SECONDS - start)) s," \
    "$(du -sm "$root" | cut -f1) MB"
fi
mount_at -t proc proc proc
mount_at --rbind --make-rslave /dev dev
mount_at -t tmpfs tmpfs run
if [[ -n $data ]]; then
  mount_at --bind -o ro "$data" srv/shared/data
fi

rm -rf "$root/srv/graft"
git clone --quiet --no-hardlinks "$repo" "$root/srv/graft"
echo "bare_root: commit $(git -C "$root/srv/graft" rev-parse --short HEAD)"

status=0
for command in "$@"; do
  start=$SECONDS
  if inside "cd /srv/graft && ./run $command" < /dev/null; then
    result=passed
  else
    result=FAILED
    status=1
  fi
  echo "bare_root: ./run $command $result after $((SECONDS - start)) s," \
    "root now $(du -smx "$root" | cut -f1) MB"
  [[ $status == 0 ]] || break
done
exit $status
