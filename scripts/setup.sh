# Sourced by scripts/run and scripts/test, in the root of the checkout: installs what package-lock.json pins, builds
# dist/cube. Does nothing the second time, so it costs milliseconds. Whoever sources it must have run `set -eu`.

BUN=node_modules/.bin/bun
STAMP=node_modules/.cube-installed

# Answers with one line that changes whenever node_modules has to be installed anew.
wanted_packages() {
  printf '%s %s' "$(uname -sm)" "$(cksum <package-lock.json)"
}

install_packages() {
  if [ "$(cat "$STAMP" 2>/dev/null)" = "$(wanted_packages)" ] && [ -x "$BUN" ]; then return; fi
  echo "installing the packages of package-lock.json" >&2
  if command -v npm >/dev/null; then
    npm ci --no-audit --no-fund --loglevel=error >&2
  elif command -v bun >/dev/null; then
    # Reads package-lock.json; a bun.lock beside it would be a second truth.
    bun install --no-save >&2
  else
    echo "Cube is built with bun, which comes by npm: install Node.js 20 or later with npm, or bun" >&2
    exit 1
  fi
  complete_bun
  wanted_packages >"$STAMP"
}

# Where install scripts are switched off, the bun package is a placeholder that its own script replaces.
complete_bun() {
  if "$BUN" --version >/dev/null 2>&1; then return; fi
  if command -v node >/dev/null; then node node_modules/bun/install.js >&2; else bun node_modules/bun/install.js >&2; fi
  if "$BUN" --version >/dev/null; then return; fi
  echo "node_modules/bun was installed, but does not start" >&2
  exit 1
}

# Answers with one line that tells one state of the checkout from another: the executable says which it is made of.
checkout_state() {
  git rev-parse HEAD 2>/dev/null || echo unknown
  git status --porcelain -- src 2>/dev/null || true
}

build_cube() {
  if [ -x dist/cube ] && [ "$(cat dist/.built-from 2>/dev/null)" = "$(checkout_state)" ] &&
    [ -z "$(find src scripts/build scripts/build.ts package.json package-lock.json tsconfig.json -newer dist/cube)" ]; then
    return
  fi
  state=$(checkout_state)
  "$BUN" scripts/build.ts --out dist/cube >&2 || return 1
  printf '%s\n' "$state" >dist/.built-from
}
