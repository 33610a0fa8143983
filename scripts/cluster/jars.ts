import { execFile } from 'node:child_process'
import { access, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, delimiter, join } from 'node:path'
import { promisify } from 'node:util'

export const CASSANDRA_VERSION = '5.0.9'

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>cluster</groupId><artifactId>cluster</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>org.apache.cassandra</groupId><artifactId>cassandra-all</artifactId><version>${CASSANDRA_VERSION}</version>
  </dependency></dependencies>
</project>
`
/** A first fetch of about a hundred jars takes some minutes at most. */
const PATIENCE = 600_000

/** What a node of Cassandra runs from. */
export interface Jars {
  classpath: string
  /** The agent that Cassandra measures objects with. */
  jamm: string
}

/**
 * The jars of Cassandra, from Maven Central through `mvn`, which keeps them in its own cache; their paths are kept in the user's
 * cache folder.
 */
export async function cassandraJars(): Promise<Jars> {
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'waku-mailserver')
  const file = join(folder, `cassandra-${CASSANDRA_VERSION}.classpath`)
  const known = await readFile(file, 'utf8').catch(() => undefined)
  if (known !== undefined && (await areThere(known))) return jarsOf(known)
  await mkdir(folder, { recursive: true })
  const work = await mkdtemp(join(folder, 'fetch-'))
  try {
    await writeFile(join(work, 'pom.xml'), POM)
    const found = join(work, 'classpath')
    const args = ['-B', '-q', 'dependency:build-classpath', `-Dmdep.outputFile=${found}`]
    await promisify(execFile)('mvn', args, { cwd: work, timeout: PATIENCE }).catch((error: Error) => {
      throw new Error('Maven could not fetch Cassandra: is "mvn" there, and Maven Central within reach?', {
        cause: error
      })
    })
    const classpath = (await readFile(found, 'utf8')).trim()
    await rename(found, file)
    return jarsOf(classpath)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function areThere(classpath: string): Promise<boolean> {
  try {
    await Promise.all(
      classpath
        .trim()
        .split(delimiter)
        .map(path => access(path))
    )
    return true
  } catch {
    return false
  }
}

function jarsOf(text: string): Jars {
  const classpath = text.trim()
  const jamm = classpath.split(delimiter).find(path => basename(path).startsWith('jamm-'))
  if (jamm === undefined) throw new Error('jamm is not among the jars of Cassandra')
  return { classpath, jamm }
}
