#!/usr/bin/env bash
# git 2.39.5: a merge driver that is configured and not installed leaves our side alone in the file, without conflict
# markers. git takes the shell's exit code 127 for "conflict", so it reports a content conflict, but whoever opens the file sees
# nothing to settle, and `git add` drops the other side.
set -euo pipefail
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
git init --quiet .
git config user.name Someone
git config user.email someone@example.org
printf 'list.txt merge=lines\n' >.gitattributes
printf 'base\n' >list.txt
git add .
git commit --quiet -m base
git checkout --quiet -b theirs
printf 'theirs\n' >list.txt
git commit --quiet -am theirs
git checkout --quiet -
printf 'ours\n' >list.txt
git commit --quiet -am ours
git config merge.lines.driver 'driver-that-is-not-installed %O %A %B'

if git merge theirs >merge.log 2>&1; then status=0; else status=$?; fi
echo "$(git --version): exit $status, \"$(grep CONFLICT merge.log || true)\", file: $(cat list.txt)"
[ "$status" -eq 1 ] && grep -q 'CONFLICT (content)' merge.log && [ "$(cat list.txt)" = ours ] ||
  { echo 'changed: the file shows both sides, or the merge fails in another way'; exit 1; }
