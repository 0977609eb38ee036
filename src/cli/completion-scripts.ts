/** The scripts that make shells ask `cube __complete` for words. They know nothing of Cube's commands themselves, so they never grow old. */

/** The shells that there are scripts for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** First line of an answer that wants the shell to complete file names. */
export const FILES_DIRECTIVE = ":files";

const BASH = `# cube: completion for bash; load it by:  source <(cube completion bash)
_cube() {
  local answer line
  COMPREPLY=()
  answer=$(cube __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) || return 0
  if [[ $answer == ${FILES_DIRECTIVE}* ]]; then
    compopt -o default 2>/dev/null
    return 0
  fi
  while IFS= read -r line; do
    [[ -n $line ]] && COMPREPLY+=("\${line%%$'\\t'*}")
  done <<<"$answer"
}
complete -F _cube cube
`;

const ZSH = `#compdef cube
# cube: completion for zsh; load it by:  source <(cube completion zsh)
_cube() {
  local -a lines items
  local line name
  lines=("\${(@f)$(cube __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ $lines[1] == ${FILES_DIRECTIVE} ]]; then
    _files
    return
  fi
  for line in $lines; do
    name=\${line%%$'\\t'*}
    items+=("\${name//:/\\\\:}:\${line#*$'\\t'}")
  done
  (( $#items )) && _describe 'cube' items
}
if [[ $funcstack[1] == _cube ]]; then _cube "$@"; else compdef _cube cube; fi
`;

const FISH = `# cube: completion for fish; load it by:  cube completion fish | source
function __cube_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l answer (cube __complete -- $words[2..-1] 2>/dev/null)
    if test "$answer[1]" = "${FILES_DIRECTIVE}"
        __fish_complete_path (commandline -ct)
        return
    end
    printf '%s\\n' $answer
end
complete -c cube -f -a '(__cube_complete)'
`;

/** The script of a shell. */
export const SCRIPTS: Readonly<Record<(typeof SHELLS)[number], string>> = { bash: BASH, zsh: ZSH, fish: FISH };
