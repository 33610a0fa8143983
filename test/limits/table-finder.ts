import ts from 'typescript'

/** Collections that grow by what is put into them. */
const COLLECTIONS = ['Map', 'Set', 'WeakMap', 'WeakSet', 'RecentHashes', 'RecentIds']
/** What is handed to these is over when they are. */
const AT_ONCE = new Set([
  'map',
  'flatMap',
  'filter',
  'forEach',
  'some',
  'every',
  'find',
  'reduce',
  'sort',
  'from',
  'run'
])

/** Files by their names, and what is said in them. */
export type Sources = ReadonlyMap<string, string>

/**
 * The tables of some sources: each Map or Set, or object in the place of one, that lives longer than the call that made it. As
 * "file `name`", where the name is that of the field or variable that holds it, whatever lies between: a literal, a call that
 * makes it, a class that is one.
 */
export function tablesIn(sources: Sources): string[] {
  const files = [...sources].map(
    ([name, text]) => [name, ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true)] as const
  )
  const makers = makersIn(files.map(([, file]) => file))
  const found = new Set<string>()
  for (const [name, file] of files)
    each(file, node => {
      const holder = isTable(node, makers) ? holderOf(node) : undefined
      if (holder !== undefined) found.add(`${name} \`${holder}\``)
    })
  return [...found]
}

function each(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node)
  ts.forEachChild(node, child => each(child, visit))
}

/** The collections themselves, classes that are one, and functions that do nothing but make one. */
function makersIn(files: readonly ts.SourceFile[]): Set<string> {
  const makers = new Set(COLLECTIONS)
  for (let before = 0; before < makers.size; ) {
    before = makers.size
    for (const file of files)
      each(file, node => {
        if (ts.isClassDeclaration(node) && node.name !== undefined) {
          const parents = node.heritageClauses?.flatMap(({ types }) =>
            types.map(({ expression }) => expression.getText())
          )
          if (parents?.some(parent => makers.has(parent))) makers.add(node.name.text)
        }
        if (!isTable(node, makers)) return
        const maker = functionThatReturns(node)
        if (maker !== undefined) makers.add(maker)
      })
  }
  return makers
}

function isTable(node: ts.Node, makers: ReadonlySet<string>): boolean {
  if (ts.isNewExpression(node) || ts.isCallExpression(node)) {
    const { expression } = node
    if (expression.getText() === 'Object.create') return node.arguments?.[0]?.kind === ts.SyntaxKind.NullKeyword
    return ts.isIdentifier(expression) && makers.has(expression.text)
  }
  return ts.isObjectLiteralExpression(node) && node.properties.length === 0 && isKeyed(typeAround(node))
}

/** The type that is written at what an expression is the first value of. */
function typeAround(node: ts.Node): ts.TypeNode | undefined {
  const { parent } = node
  return ts.isPropertyDeclaration(parent) || ts.isVariableDeclaration(parent) || ts.isAsExpression(parent)
    ? parent.type
    : undefined
}

function isKeyed(type: ts.TypeNode | undefined): boolean {
  if (type === undefined) return false
  if (ts.isTypeLiteralNode(type)) return type.members.some(ts.isIndexSignatureDeclaration)
  return /^(?:Readonly<|Partial<)*Record</.test(type.getText())
}

function functionThatReturns(node: ts.Node): string | undefined {
  const { parent } = node
  const made = ts.isReturnStatement(parent) ? parent.parent.parent : parent
  if (ts.isFunctionDeclaration(made)) return made.name?.text
  if (ts.isArrowFunction(made) && ts.isVariableDeclaration(made.parent) && ts.isIdentifier(made.parent.name))
    return made.parent.name.text
  return undefined
}

/** What holds a table for longer than a call; undefined when nothing does. */
function holderOf(table: ts.Node): string | undefined {
  for (let node = table; ; node = node.parent) {
    const { parent } = node
    if (ts.isPropertyDeclaration(parent)) return parent.name.getText()
    if (ts.isParameter(parent)) return ts.isConstructorDeclaration(parent.parent) ? parent.name.getText() : undefined
    if (ts.isVariableDeclaration(parent)) return isKept(parent) ? parent.name.getText() : undefined
    if (ts.isBinaryExpression(parent)) {
      const isAssigned = parent.operatorToken.getText().endsWith('=') && parent.right === node
      if (isAssigned) return keptName(parent.left)
    }
    // what is called with it has it, and says so itself
    if (ts.isCallExpression(parent) && !AT_ONCE.has(lastName(parent.expression))) return undefined
    if (ts.isStatement(parent) || ts.isPropertyAccessExpression(parent) || ts.isSourceFile(parent)) return undefined
    if (ts.isFunctionLike(parent) && !isMadeAtOnce(parent)) return undefined
  }
}

/** A function that makes values for what it is handed to. */
function isMadeAtOnce({ parent }: ts.Node): boolean {
  return ts.isCallExpression(parent) && AT_ONCE.has(lastName(parent.expression))
}

function lastName(node: ts.Node): string {
  return ts.isPropertyAccessExpression(node) ? node.name.text : node.getText()
}

function keptName(left: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(left)) return left.name.text
  if (!ts.isIdentifier(left)) return undefined
  let scope: ts.Node = left
  let declared: ts.VariableDeclaration | undefined
  while (declared === undefined && !ts.isSourceFile(scope)) {
    scope = scope.parent
    const found: ts.VariableDeclaration[] = []
    if (ts.isSourceFile(scope) || ts.isBlock(scope))
      for (const statement of scope.statements)
        if (ts.isVariableStatement(statement)) found.push(...statement.declarationList.declarations)
    declared = found.find(({ name }) => name.getText() === left.text)
  }
  return declared !== undefined && isKept(declared) ? left.text : undefined
}

/** A variable of a module, or one of a function that what the function leaves behind still uses. */
function isKept(variable: ts.VariableDeclaration): boolean {
  let scope: ts.Node = variable
  while (!ts.isFunctionLike(scope) && !ts.isSourceFile(scope) && !ts.isClassStaticBlockDeclaration(scope))
    scope = scope.parent
  if (ts.isSourceFile(scope)) return true
  let kept = false
  each(scope, node => {
    if (!ts.isIdentifier(node) || node.text !== variable.name.getText() || node.parent === variable) return
    for (let at: ts.Node = node; at !== scope; at = at.parent)
      if (ts.isFunctionLike(at) && !isMadeAtOnce(at)) kept = true
  })
  return kept
}
