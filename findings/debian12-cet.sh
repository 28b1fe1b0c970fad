#!/bin/bash
# g++ 12 with -fcf-protection=full on Debian 12: functions begin with endbr64, but the program is not marked for IBT and
# SHSTK, because the objects that begin every program (Scrt1.o, crti.o of libc6-dev) are not, and the linker keeps the mark
# only if all of its input has it. The kernel turns nothing on for such a program.
# Seen with g++ 12.2.0, binutils 2.40, libc6-dev 2.36: "object: IBT, SHSTK; program: none".
# Needs g++-12 and binutils on x86-64; ends with 1 if that has changed.
set -euo pipefail
[ "$(uname -m)" = x86_64 ] || { echo "x86-64 only"; exit 77; }
command -v g++-12 > /dev/null || { echo "g++-12 is not here"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo 'int main() { return 0; }' > "$folder/main.cpp"
g++-12 -fcf-protection=full -c "$folder/main.cpp" -o "$folder/main.o"
g++-12 "$folder/main.o" -o "$folder/main"
g++-12 --version | head -1
mark() { readelf -nW "$1" 2> /dev/null | sed -nE 's/.*x86 feature: ([A-Z, ]+).*/\1/p' | head -1; }
object=$(mark "$folder/main.o") program=$(mark "$folder/main")
echo "object: ${object:-none}; program: ${program:-none}"
objdump -d "$folder/main" | grep -A1 '<main>:' | grep -q endbr64
[[ $object == *IBT* && $object == *SHSTK* && -z $program ]]
