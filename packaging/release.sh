#!/bin/sh
# Makes a release archive in target/dist, and the checksums of all that lies there: reclassd-VERSION-TARGET.tar.gz with
# the program, the licences, the documentation, manual pages, completions, units and an example of the configuration.
# The same inputs at the same commit give the same bytes.
#
# usage: packaging/release.sh [--binary FILE] [--target TRIPLE] [--native FILE] [--output FOLDER] [--level 1-9]
#
#   --binary FILE    packs this program; without it, it is built
#   --target TRIPLE  for this system, x86_64-unknown-linux-gnu or aarch64-unknown-linux-gnu; without it, the one that the program is for, else
#                    this one. To build for another needs its standard library (rustup target add TRIPLE) and its C compiler (Debian:
#                    gcc-aarch64-linux-gnu)
#   --native FILE    a program of the same version that runs here and writes the manual pages, where the packed one does not
#   --output FOLDER  in place of target/dist
#   --level 1-9      how hard gzip tries, 9 unless said
set -eu
export LC_ALL=C
# The oldest system that an archive has to run on, and all that it may need of one: Debian 12.
newest_glibc=2.36
libraries='libc.so.6 libm.so.6 libgcc_s.so.1 ld-linux-x86-64.so.2 ld-linux-aarch64.so.1'

fail() { echo "release.sh: $*" >&2; exit 1; }
need() { command -v "$1" >/dev/null || fail "$1 is missing (Debian: apt install $2)"; }

binary='' target='' native='' output='' level=9
while [ $# -gt 0 ]; do
    case $1 in
        --binary) binary=$(realpath "$2"); shift 2 ;;
        --target) target=$2; shift 2 ;;
        --native) native=$(realpath "$2"); shift 2 ;;
        --output) mkdir -p "$2"; output=$(realpath "$2"); shift 2 ;;
        --level) level=$2; shift 2 ;;
        *) sed -n '6,15s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
done
cd "$(dirname "$0")/.."
output=${output:-$PWD/target/dist}
need readelf binutils
need sha256sum coreutils
tar --version 2>/dev/null | grep -q 'GNU tar' || fail "GNU tar is missing"

# What a program is for.
machine_of() {
    case $(readelf -h "$1" | sed -n 's/ *Machine: *//p') in
        *X86-64*) echo x86_64-unknown-linux-gnu ;;
        AArch64*) echo aarch64-unknown-linux-gnu ;;
        *) fail "$1 is for another machine than archives are made for" ;;
    esac
}

if [ -z "$binary" ]; then
    host=$(rustc -vV | sed -n 's/^host: //p')
    target=${target:-$host}
    if [ "$target" != "$host" ] && [ "$target" = aarch64-unknown-linux-gnu ]; then
        need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
        export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
        export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc CXX_aarch64_unknown_linux_gnu=aarch64-linux-gnu-g++
    fi
    cargo build --release --locked --bin reclassd --target "$target"
    binary=${CARGO_TARGET_DIR:-target}/$target/release/reclassd
fi
found=$(machine_of "$binary")
[ "${target:-$found}" = "$found" ] || fail "$binary is for $found, not for $target"
target=$found

# It has to run where nobody has prepared anything.
for library in $(readelf -d "$binary" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
    case " $libraries " in *" $library "*) ;; *) fail "$binary needs $library, which not every system has" ;; esac
done
glibc=$(readelf -V "$binary" | grep -o 'Name: GLIBC_[0-9.]*' | sed 's/.*_//' | sort -Vu | tail -n 1)
[ -n "$glibc" ] || fail "$binary does not say which glibc it needs"
[ "$(printf '%s\n' "$glibc" "$newest_glibc" | sort -V | tail -n 1)" = "$newest_glibc" ] ||
    fail "$binary needs glibc $glibc, and Debian 12 has $newest_glibc: build it on Debian 12"

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
native=${native:-$binary}
said=$("$native" --version 2>/dev/null) || fail "$native does not run here: name one that does with --native"
[ "$said" = "reclassd $version" ] || fail "$native is $said, and this is $version"

name=reclassd-$version-$target
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
folder=$work/$name
mkdir -p "$folder"
install -m 755 "$binary" "$folder/reclassd"
# A program of a test has the names of all its parts in it, which nobody wants to download.
strip=strip
[ "$target" = "$(uname -m)-unknown-linux-gnu" ] || strip=${target%%-*}-linux-gnu-strip
command -v "$strip" >/dev/null && "$strip" --strip-debug "$folder/reclassd"
packaging/assets.sh "$native" "$work/assets"
cp -r "$work/assets/man" "$work/assets/completions" systemd docs "$folder/"
cp LICENSE-MIT LICENSE-APACHE README.md THIRD-PARTY.md CHANGELOG.md config.example.toml "$folder/"
packaging/licences.sh "$target" >"$folder/LICENCES-OF-CRATES.txt"
printf '%s\n' "reclassd $version for $target; glibc $glibc or newer, nothing else." >"$folder/REQUIRES"

mkdir -p "$output"
when=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 946684800)}
tar --create --directory "$work" --sort=name --format=gnu --owner=0 --group=0 --numeric-owner --mode=u+rwX,go+rX,go-w \
    --mtime="@$when" "$name" | gzip -n "-$level" >"$work/archive"
mv "$work/archive" "$output/$name.tar.gz"
chmod 644 "$output/$name.tar.gz"
(cd "$output" && for file in *.tar.gz *.deb; do [ ! -e "$file" ] || sha256sum "$file"; done >SHA256SUMS)
echo "$output/$name.tar.gz: $(wc -c <"$output/$name.tar.gz") bytes; needs glibc $glibc or newer"
