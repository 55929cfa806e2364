#!/bin/sh
# Runs in: npm scripts. Starts the pinned Node, by path.
case $(uname -m) in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) arch=$(uname -m) ;; esac
exec "$(dirname -- "$0")/../node_modules/node-linux-$arch/bin/node" "$@"
