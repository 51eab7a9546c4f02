# The Debian packages that this project needs, and how the missing ones get there. Sourced, not run.
# shellcheck shell=bash

# To build and run the tool.
build_packages=(
  cmake ninja-build g++
  libcli11-dev libexpected-dev libfmt-dev libgloo-dev libhdf5-dev libopenmpi-dev libsimdjson-dev libssl-dev nlohmann-json3-dev
  openmpi-bin zlib1g-dev
)

# To build and run every test and bench besides. Python is Debian's own: tests call /usr/bin/python3.
test_packages=(
  ccache libbenchmark-dev libgmock-dev libgtest-dev
  hdf5-tools iproute2 netcdf-bin
  python3 python3-h5netcdf python3-h5py python3-netcdf4 python3-pandas python3-tables python3-torch python3-xarray
  libbenchmark-tools libxml2-utils python3-jsonschema python3-scipy
)

# What a change is held against besides.
ci_packages=(clang clang-format-14 clang-tidy git util-linux)

is_installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "not root and no sudo here: run as root: $*" >&2
    return 69
  fi
}

# Installs those of the packages that are not there; asks nothing and changes nothing otherwise.
install_missing() {
  if ! command -v apt-get >/dev/null; then
    echo "no apt-get here: going on as if these were installed: $*" >&2
    return 0
  fi
  local missing=() package
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  echo "== installing ${missing[*]}"
  as_root apt-get update -q
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}
