#!/usr/bin/env bash
# make test-containers: the tests that need a container engine, on a private one of their own.
#
#     tests/containers/run.sh [PYTEST ARGUMENTS]
#
# With DOCKER_HOST and KIT_TEST_IMAGE set, that engine and that image (with python3) are used.
# Otherwise it installs Debian's docker.io and mmdebstrap where they are missing, starts a
# dockerd with its own data folder and socket that leaves the network and the firewall alone,
# makes an image out of Debian packages (no registry of images is asked), runs the tests and
# removes everything again, also on failure. Where that cannot be done it says SKIPPED and why,
# and ends with status 0.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-.venv/bin/python}
# Where dockerd and mmdebstrap may lie, also for a root whose PATH is a user's.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

skip() { echo "SKIPPED: $1"; exit 0; }

run_tests() { "$python" -m pytest -q -m containers "$@"; }

if [ -n "${DOCKER_HOST:-}" ] && [ -n "${KIT_TEST_IMAGE:-}" ]; then
  run_tests "$@"
  exit
fi

[ "$(uname -s)" = Linux ] || skip "a private Docker daemon needs Linux; set DOCKER_HOST and KIT_TEST_IMAGE"
[ "$(id -u)" = 0 ] || skip "a private Docker daemon needs root; set DOCKER_HOST and KIT_TEST_IMAGE"
missing=()
command -v dockerd >/dev/null || missing+=(docker.io)
command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
if [ ${#missing[@]} -gt 0 ]; then
  command -v apt-get >/dev/null || skip "${missing[*]} not installed, and no apt-get to install them"
  { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } >/dev/null 2>&1 \
    || skip "${missing[*]} not installed, and apt-get could not install them"
fi

# The data folder of overlay2 must not lie on an overlay itself; a temporary folder may.
home=$(mktemp -d "${KIT_TEST_HOME:-${TMPDIR:-/tmp}}/kit-containers-XXXXXX")
group=$(basename "$home")
daemon=""
# shellcheck disable=SC2317  # called by the trap
clean() {
  if [ -n "$daemon" ] && kill "$daemon" 2>/dev/null; then
    for _ in $(seq 100); do kill -0 "$daemon" 2>/dev/null || break; sleep 0.1; done
  fi
  # What a dead daemon may leave mounted would be deleted with the folder otherwise.
  grep -o "$home[^ ]*" /proc/mounts | sort -r | xargs -r -n 1 umount -l 2>/dev/null || true
  rm -rf --one-file-system "$home"
  rmdir /sys/fs/cgroup/{,*/}"$group" 2>/dev/null || true
}
trap clean EXIT
trap 'exit 130' INT TERM

dockerd --data-root "$home/data" --exec-root "$home/exec" --pidfile "$home/pid" \
  -H "unix://$home/docker.sock" --bridge=none --iptables=false \
  --cgroup-parent "/$group" >"$home/log" 2>&1 &
daemon=$!
export DOCKER_HOST="unix://$home/docker.sock"
for _ in $(seq 150); do
  docker info >/dev/null 2>&1 && break
  kill -0 "$daemon" 2>/dev/null || break
  sleep 0.1
done
docker info >/dev/null 2>&1 || skip "dockerd does not start here: $(grep -v level=info "$home/log" | tail -1)"

# The host's own suite, so that its Python is the one whose packages may be mounted.
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
mmdebstrap --quiet --variant=minbase --include=python3,python3-pil "${KIT_TEST_SUITE:-$suite}" \
  "$home/root.tar" >"$home/image.log" 2>&1 \
  || skip "mmdebstrap could not make an image: $(tail -1 "$home/image.log")"
export KIT_TEST_IMAGE=localhost/kit-test:1
docker import "$home/root.tar" "$KIT_TEST_IMAGE" >/dev/null
rm "$home/root.tar"
docker run --rm --network none "$KIT_TEST_IMAGE" python3 -c 'print("image works")' \
  || skip "the kernel does not let a container start here"
run_tests "$@"
