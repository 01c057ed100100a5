#!/usr/bin/env bash
# Builds msp430-elf binutils, gcc, newlib and GDB's simulator from Debian's source packages into a folder of the user's,
# where sparsecomp looks for them. About 35 minutes on two cores, 5 GB while it runs, 60 MB afterwards.
set -euo pipefail

usage() {
    cat <<END
usage: build_msp430_gcc.sh [--prefix DIR] [--work DIR] [--jobs N] [--check] [--fetch] [--keep]

  --prefix DIR  where the toolchain goes (default: $default_prefix)
  --work DIR    where it is built; a build that was interrupted goes on there (default: $default_work)
  --jobs N      processes at a time (default: $(nproc))
  --check       look for what the build needs, and end
  --fetch       download and unpack the sources, and end
  --keep        leave the work folder in place when all is done

It needs no root: the packages gcc-12-source, binutils-source, newlib-source and gdb-source are downloaded with
apt-get and unpacked, not installed. Debian 12 or a derivative with these packages is needed.
END
}

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "error: $1"
    say "hint: $2"
    exit 4
}

default_prefix="${XDG_DATA_HOME:-$HOME/.local/share}/sparsecomp/msp430-elf"
default_work="${XDG_CACHE_HOME:-$HOME/.cache}/sparsecomp/msp430-elf-build"
prefix=$default_prefix
work=$default_work
jobs=$(nproc)
until=all
keep=no

while [ $# -gt 0 ]; do
    case $1 in
    --prefix | --work | --jobs)
        [ $# -ge 2 ] || fail "$1 wants a value" "see --help"
        case $1 in
        --prefix) prefix=$2 ;;
        --work) work=$2 ;;
        --jobs) jobs=$2 ;;
        esac
        shift
        ;;
    --check) until=check ;;
    --fetch) until=fetch ;;
    --keep) keep=yes ;;
    -h | --help)
        usage
        exit 0
        ;;
    *) fail "unknown option $1" "see --help" ;;
    esac
    shift
done

case $jobs in
'' | *[!0-9]* | 0) fail "--jobs $jobs is no number of processes" "give a number above zero" ;;
esac
for folder in "$prefix" "$work"; do
    case $folder in
    *[[:space:]]*) fail "'$folder' has blanks in it, which the sources' own scripts do not take" "name another folder" ;;
    /*) ;;
    *) fail "'$folder' is no absolute path" "begin it with a slash" ;;
    esac
done

sources="$work/sources"
build="$work/build"
packages="gcc-12-source binutils-source newlib-source gdb-source"

# Program or header, and the Debian package that brings it.
check() {
    local missing="" pair
    for pair in gcc:gcc g++:g++ make:make flex:flex bison:bison xz:xz-utils patch:patch m4:m4 apt-get:apt \
        dpkg-deb:dpkg; do
        command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
    done
    for pair in gmp.h:libgmp-dev mpfr.h:libmpfr-dev mpc.h:libmpc-dev isl/version.h:libisl-dev zlib.h:zlib1g-dev; do
        has_header "${pair%%:*}" || missing="$missing ${pair##*:}"
    done
    [ -z "$missing" ] || fail "the build needs packages that are missing:$missing" "sudo apt-get install$missing"
    say "everything that the build needs is there"
}

has_header() {
    printf '#include <%s>\n' "$1" | gcc -E -x c - >/dev/null 2>&1
}

enough_space() {
    local free
    free=$(df -Pk "$work" | awk 'NR == 2 { print $4 }')
    [ "$free" -ge 5000000 ] || fail "$work has less than 5 GB left" "name another folder with --work"
}

# Runs a step once: a step that was interrupted is done again from its beginning.
step() {
    local name=$1
    shift
    if [ -e "$work/done-$name" ]; then
        say "$name: done before"
        return
    fi
    say "$name ..."
    # Not in an if: the shell would no longer end the step at the first command that fails.
    ("$@") >"$work/$name.log" 2>&1 &
    wait $! || {
        tail -n 15 "$work/$name.log" >&2
        fail "$name failed" "the whole output is in $work/$name.log"
    }
    touch "$work/done-$name"
}

fetch() {
    local name
    rm -rf "$sources"
    mkdir -p "$sources/packages"
    cd "$sources/packages"
    for name in $packages; do
        apt-get download "$name"
        dpkg-deb -x "$name"_*.deb "$sources/packages"
    done
}

unpack() {
    local archive
    cd "$sources"
    for archive in packages/usr/src/binutils/binutils-*.tar.xz packages/usr/src/gcc-12/gcc-12*.tar.xz \
        packages/usr/src/newlib/newlib-*.tar.xz packages/usr/src/gdb.tar.xz; do
        tar -xJf "$archive"
    done
}

# The one folder that a pattern names.
source_folder() {
    local found
    found=$(find "$sources" -mindepth 1 -maxdepth 1 -type d -name "$1" | head -n 1)
    [ -n "$found" ] || fail "there is no $1 in $sources" "remove $work and start again"
    printf '%s' "$found"
}

configure() {
    local folder=$1 name=$2
    shift 2
    rm -rf "${build:?}/$name"
    mkdir -p "$build/$name"
    cd "$build/$name"
    "$folder/configure" --target=msp430-elf --prefix="$prefix" --disable-nls "$@"
}

build_binutils() {
    configure "$(source_folder 'binutils-*')" binutils \
        --disable-werror --disable-gdb --disable-sim --disable-gprofng
    make -j"$jobs" MAKEINFO=true
    make install MAKEINFO=true
}

build_simulator() {
    configure "$(source_folder 'gdb*')" simulator --disable-werror --disable-gdb --disable-binutils --disable-ld \
        --disable-gas --disable-gprof --disable-gprofng --enable-sim
    make -j"$jobs" MAKEINFO=true
    make install-sim MAKEINFO=true
}

build_gcc() {
    configure "$(source_folder 'gcc-12*')" gcc --enable-languages=c --with-newlib --disable-shared --disable-threads \
        --disable-libssp --disable-libgomp --disable-libquadmath --disable-libstdcxx --disable-lto \
        --enable-target-optspace CFLAGS=-O1 CXXFLAGS=-O1
    make -j"$jobs" all-gcc MAKEINFO=true
    touch gcc/s-tm-texi # Debian takes the manual out of the sources, and the makefile would want to check it
    make install-gcc MAKEINFO=true
}

build_newlib() {
    configure "$(source_folder 'newlib-*')" newlib --enable-newlib-nano-malloc --enable-newlib-nano-formatted-io \
        --enable-newlib-reent-small --enable-target-optspace --disable-newlib-wide-orient --enable-lite-exit
    make -j"$jobs" MAKEINFO=true
    make install MAKEINFO=true
}

build_libgcc() {
    cd "$build/gcc"
    make -j"$jobs" MAKEINFO=true
    make install MAKEINFO=true
}

tidy() {
    local file
    find "$prefix" -type d \( -name 430 -o -name no-exceptions \) -prune -exec rm -rf {} +
    rm -rf "$prefix/share" "$prefix"/lib/gcc/msp430-elf/*/plugin
    find "$prefix/bin" "$prefix/msp430-elf/bin" "$prefix/libexec" -type f -perm -u+x | while read -r file; do
        strip "$file" 2>/dev/null || true # scripts among them
    done
}

# What was built compiles and, in the simulator, runs.
try() {
    cd "$work"
    printf '#include <stdio.h>\nint main(void) { printf("%%d\\n", 6 * 7); return 0; }\n' >try.c
    msp430-elf-gcc -mcpu=msp430xv2 -mlarge -mhwmult=f5series -O2 try.c -msim -o try.elf
    [ "$(msp430-elf-run try.elf)" = 42 ]
}

check
[ "$until" != check ] || exit 0
# What the toolchain does not need is removed from the prefix in the end: nothing else may lie there.
marker="$prefix/.sparsecomp-toolchain"
if [ -d "$prefix" ] && [ -n "$(ls -A "$prefix")" ] && [ ! -e "$marker" ]; then
    fail "$prefix holds something else" "name an empty folder with --prefix"
fi
mkdir -p "$work" "$prefix" || fail "the folders cannot be made" "name others with --work and --prefix"
touch "$marker"
enough_space
# A step runs in the background, where the shell would make it deaf for Ctrl-C.
trap 'trap - TERM; kill 0; exit 130' INT
export PATH="$prefix/bin:$PATH"
step fetch fetch
step unpack unpack
[ "$until" != fetch ] || exit 0
step binutils build_binutils
step simulator build_simulator
step gcc build_gcc
step libgcc build_libgcc
step newlib build_newlib
step tidy tidy
step try try
[ "$keep" = yes ] || rm -rf "$work"
say "msp430-elf-gcc is in $prefix/bin, where sparsecomp finds it"
