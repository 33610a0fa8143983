import { metaOf } from '../node/settings/config.js'
import type { Command } from './command.js'

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

/** What a shell is told of one option. */
interface Option {
  name: string
  about: string
  /** What follows it: nothing, one of some words, a file, or anything else. */
  takes: 'nothing' | 'file' | 'text' | readonly string[]
}

const PROGRAMS = ['waku-mailserver', 'mail']

/** A script that has the shell complete commands, options and their values, made of the same schemas that read them. */
export function completionScript(shell: Shell, commands: readonly Command[]): string {
  return { bash, zsh, fish }[shell](commands)
}

function optionsOf({ shape }: Command): Option[] {
  const own = Object.entries(shape).map(([key, type]): Option => {
    const { about = '', value, allowed = '' } = metaOf(type) ?? {}
    return { name: `--${key}`, about, takes: takes(value, allowed) }
  })
  return [...own, { name: '--help', about: 'say more about it', takes: 'nothing' }]
}

function takes(value: string | undefined, allowed: string): Option['takes'] {
  if (value === undefined) return 'nothing'
  const inside = value.slice(1, -1)
  if (/file|dir|folder/.test(inside)) return 'file'
  return allowed.startsWith('one of ') ? allowed.slice('one of '.length).split(', ') : 'text'
}

/** What may come after the words of a command so far: `trust` is followed by `add`. */
function firstWords(commands: readonly Command[]): string[] {
  return [...new Set(commands.map(({ name }) => name.split(' ')[0] as string)), 'help', 'version']
}

function secondWords(commands: readonly Command[]): [first: string, seconds: string[]][] {
  const pairs = commands.map(({ name }) => name.split(' ')).filter(words => words.length > 1)
  const firsts = [...new Set(pairs.map(([first]) => first as string))]
  return firsts.map(first => [first, pairs.filter(pair => pair[0] === first).map(pair => pair[1] as string)])
}

const takesFile = ({ operands = [] }: Command): boolean => operands.some(name => /file|source/.test(name))

function bash(commands: readonly Command[]): string {
  const seconds = secondWords(commands).map(
    ([first, words]) =>
      `    ${first}) [ "$COMP_CWORD" -eq 2 ] && { COMPREPLY=($(compgen -W "${words.join(' ')}" -- "$cur")); return; }; name="$1 $2" ;;`
  )
  const cases = commands.map(command => {
    const options = optionsOf(command)
    const values = options.flatMap(({ name, takes }) => {
      if (takes === 'nothing') return []
      const reply = { file: 'compgen -f -- "$cur"', text: ':' }
      const words = typeof takes === 'string' ? reply[takes] : `compgen -W "${takes.join(' ')}" -- "$cur"`
      return `        ${name}) COMPREPLY=($(${words})); return ;;\n`
    })
    const files = takesFile(command)
      ? '      [[ $cur != -* ]] && { COMPREPLY=($(compgen -f -- "$cur")); return; }\n'
      : ''
    const names = options.map(({ name }) => name).join(' ')
    return `    "${command.name}")
      case "$prev" in
${values.join('')}      esac
${files}      COMPREPLY=($(compgen -W "${names}" -- "$cur")) ;;`
  })
  return `# bash completion of waku-mailserver: source <(waku-mailserver completion bash)
_waku_mailserver() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} name=\${COMP_WORDS[1]}
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${firstWords(commands).join(' ')}" -- "$cur"))
    return
  fi
  set -- "\${COMP_WORDS[@]:1}"
  case "$name" in
${seconds.join('\n')}
    help) COMPREPLY=($(compgen -W "${firstWords(commands).join(' ')}" -- "$cur")); return ;;
  esac
  case "$name" in
${cases.join('\n')}
  esac
}
complete -o filenames -o default -F _waku_mailserver ${PROGRAMS.join(' ')}
`
}

function zsh(commands: readonly Command[]): string {
  const described = (words: [string, string][]): string =>
    words.map(([word, about]) => `'${word}:${quoted(about).replaceAll(':', '\\:')}'`).join(' ')
  const firsts = firstWords(commands).map((word): [string, string] => [
    word,
    commands.find(({ name }) => name === word)?.about ?? ''
  ])
  const seconds = secondWords(commands).map(
    ([first, words]) =>
      `    ${first}) if (( CURRENT == 3 )); then _values command ${words.join(' ')}; return; fi; name="$words[2] $words[3]" ;;`
  )
  const cases = commands.map(command => {
    const options = optionsOf(command).map(({ name, about, takes }) => {
      const text = `${name}[${quoted(about).replaceAll('[', '(').replaceAll(']', ')').replaceAll(':', '\\:')}]`
      if (takes === 'nothing') return `'${text}'`
      if (takes === 'file') return `'${text}:file:_files'`
      return takes === 'text' ? `'${text}:value: '` : `'${text}:value:(${takes.join(' ')})'`
    })
    const operands = (command.operands ?? []).map(name =>
      /file|source/.test(name) ? `'*:${name.slice(1, -1)}:_files'` : `'*:${name.replaceAll(/[<>]/g, '')}: '`
    )
    return `    '${command.name}') _arguments ${[...options, ...operands.slice(0, 1)].join(' ')} ;;`
  })
  return `#compdef ${PROGRAMS.join(' ')}
# zsh completion of waku-mailserver: source <(waku-mailserver completion zsh)
_waku_mailserver() {
  local name="$words[2]"
  if (( CURRENT == 2 )); then
    local -a commands=(${described(firsts)})
    _describe command commands
    return
  fi
  case "$name" in
${seconds.join('\n')}
  esac
  case "$name" in
${cases.join('\n')}
  esac
}
compdef _waku_mailserver ${PROGRAMS.join(' ')}
`
}

function fish(commands: readonly Command[]): string {
  const lines: string[] = []
  for (const program of PROGRAMS) {
    const rule = (condition: string, rest: string): void => {
      lines.push(`complete -c ${program} -n '${condition}' ${rest}`)
    }
    for (const word of firstWords(commands)) {
      const about = commands.find(({ name }) => name === word)?.about ?? ''
      rule('__fish_use_subcommand', `-f -a ${word}${about === '' ? '' : ` -d '${quoted(about)}'`}`)
    }
    for (const [first, words] of secondWords(commands)) {
      rule(
        `__fish_seen_subcommand_from ${first}; and not __fish_seen_subcommand_from ${words.join(' ')}`,
        `-f -a '${words.join(' ')}'`
      )
    }
    for (const command of commands) {
      const seen = command.name.split(' ').map(word => `__fish_seen_subcommand_from ${word}`)
      for (const { name, about, takes } of optionsOf(command)) {
        const values =
          typeof takes === 'string'
            ? { nothing: '', file: ' -r -F', text: ' -x' }[takes]
            : ` -x -a '${takes.join(' ')}'`
        rule(seen.join('; and '), `-l ${name.slice(2)}${values} -d '${quoted(about)}'`)
      }
    }
  }
  return `# fish completion of waku-mailserver: waku-mailserver completion fish | source\n${lines.join('\n')}\n`
}

/** Inside single quotes. */
function quoted(text: string): string {
  return text.replaceAll("'", '’')
}
