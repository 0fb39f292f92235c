// Hadoop's own test suite of its Azure driver (hadoop-azure) and Oracle's of its HDFS connector, from their published
// jars, against the local cloud. Not part of the test suite: it takes Maven Central and a quarter of an hour.
// Usage: node hadoop.mjs PATH_OF_LOCALCLOUD WORK_DIRECTORY [azure|oci][:PATTERN]...; `scripts/check hadoop` runs it. A
// PATTERN chooses classes by their names.
//
// Each class has a virtual machine of its own. A test that fails and is not listed below as different fails the run, and
// so does a listed one that passes.
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { startLocalCloud } from "../local_cloud.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const CLASS_DEADLINE_SECONDS = 300;
const LOG4J = `log4j.rootLogger=ERROR,stdout
log4j.appender.stdout=org.apache.log4j.ConsoleAppender
log4j.appender.stdout.layout=org.apache.log4j.PatternLayout
log4j.appender.stdout.layout.ConversionPattern=%c: %m%n
`;

const configuration = (properties) => `<configuration>${Object.entries(properties)
  .map(([name, value]) => `<property><name>${name}</name><value>${value}</value></property>`).join("\n")}</configuration>\n`;

const maven = (...words) => execFileSync("mvn", ["-q", "-B", ...words], { stdio: ["ignore", "inherit", "inherit"] });

function classPathOf(pom, work) {
  const file = join(work, "classpath.txt");
  maven("-f", join(HERE, pom), "dependency:build-classpath", `-Dmdep.outputFile=${file}`);
  return readFileSync(file, "utf8").trim();
}

// Names of the test classes in a jar.
function testClasses(jar, pattern) {
  return execFileSync("jar", ["tf", jar], { encoding: "utf8" }).split("\n")
    .filter((name) => pattern.test(name)).map((name) => name.replace(/\.class$/, "").replaceAll("/", "."));
}

const SUITES = { azure, oci };

function azure(work) {
  const classPath = classPathOf("azure.pom.xml", work);
  const jar = classPath.split(":").find((one) => /hadoop-azure-[^/]*-tests\.jar$/.test(one));
  return {
    classes: testClasses(jar, /^org\/apache\/hadoop\/fs\/azurebfs\/(?:.*\/)?ITest[^/$]*\.class$/),
    different: readDifferent("azure.different.txt"),
    option: "--azure-filesystem",
    // The driver knows a service by its host's name.
    prepare(ready, container, directory) {
      const { key } = ready.azure.accounts.find((one) => one.name === "lake");
      const host = `lake.dfs.localhost:${new URL(ready.azure.accounts[0].url).port}`;
      writeFileSync(join(directory, "hosts"), "127.0.0.1 localhost lake.dfs.localhost lake.blob.localhost\n");
      writeFileSync(join(directory, "azure-auth-keys.xml"), configuration({
        "fs.azure.account.auth.type": "SharedKey",
        "fs.azure.abfs.account.name": host,
        [`fs.azure.account.key.${host}`]: key,
        "fs.azure.account.key": key,
        "fs.contract.test.fs.abfs": `abfs://${container}@${host}`,
        "fs.azure.always.use.https": "false",
        "fs.azure.test.namespace.enabled": "true",
        "fs.azure.scale.test.enabled": "true",
      }));
      return ["-cp", `${directory}:${classPath}`, `-Djdk.net.hosts.file=${join(directory, "hosts")}`];
    },
  };
}

function oci(work) {
  const version = "3.3.4.1.4.2";
  // By themselves, and with this version of the plugin: the parent of their Maven description was never published.
  for (const classifier of ["", ":tests"]) {
    maven("-f", join(HERE, "oci.pom.xml"), "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy", `-DoutputDirectory=${work}`,
      `-Dartifact=com.oracle.oci.sdk:oci-hdfs-connector:${version}:jar${classifier}`);
  }
  const jars = ["-tests", ""].map((suffix) => join(work, `oci-hdfs-connector-${version}${suffix}.jar`));
  const classPath = [...jars, classPathOf("oci.pom.xml", work)].join(":");
  return {
    classes: testClasses(jars[0], /^com\/oracle\/bmc\/hdfs\/(?:.*\/)?Test[^/$]*Contract[^/$]*\.class$/),
    different: readDifferent("oci.different.txt"),
    option: "--oci-bucket",
    prepare(ready, bucket, directory) {
      const login = Object.fromEntries(readFileSync(ready.oci.config_file, "utf8").split("\n")
        .map((line) => line.split("=")).filter((pair) => pair.length === 2));
      mkdirSync(join(directory, "contract"), { recursive: true });
      for (const [file, prefix] of [["oci-credentials.xml", "oci"], ["oci-credentials-deprecated.xml", "oraclebmc"]]) {
        writeFileSync(join(directory, "contract", file), configuration({
          [`fs.contract.test.fs.${prefix}`]: `${prefix}://${bucket}@${ready.oci.namespace}`,
          [`fs.${prefix}.client.hostname`]: ready.oci.endpoint,
          [`fs.${prefix}.client.auth.tenantId`]: login.tenancy,
          [`fs.${prefix}.client.auth.userId`]: login.user,
          [`fs.${prefix}.client.auth.fingerprint`]: login.fingerprint,
          [`fs.${prefix}.client.auth.pemfilepath`]: login.key_file,
        }));
      }
      return ["-cp", `${directory}:${classPath}`];
    },
  };
}

// Lines "CLASS reason" (left out as a whole) and "CLASS.METHOD reason" (must fail); CLASS without its package; '#' begins
// a comment.
function readDifferent(file) {
  const lines = readFileSync(join(HERE, file), "utf8").split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line) => line.slice(0, line.indexOf(" ")));
}

// Runs one class; resolves to the names of its tests by outcome, "Class.method" each.
async function runClass(name, java, output) {
  const child = spawn("timeout", [String(CLASS_DEADLINE_SECONDS), "java", "-XX:TieredStopAtLevel=1", ...java,
    `-Dtest.build.data=${output}.data`, join(HERE, "RunClass.java"), name], { stdio: ["ignore", "pipe", "pipe"] });
  const chunks = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => chunks.push(chunk));
  await new Promise((done) => child.once("close", done));
  const text = Buffer.concat(chunks).toString();
  writeFileSync(`${output}.log`, text);
  const outcome = { "passed": [], "failed": [], "left-out": [] };
  for (const [, kind, test] of text.matchAll(/^@@ (passed|failed|left-out) (.*)$/gm)) outcome[kind].push(test);
  if (!/^@@ ended$/m.test(text)) outcome.failed.push(`${shortName(name)}.end`);
  return outcome;
}

const shortName = (name) => name.slice(name.lastIndexOf(".") + 1);

async function runSuite(suite, pattern, program, directory) {
  const work = join(directory, suite);
  mkdirSync(work, { recursive: true });
  const { classes, different, option, prepare } = SUITES[suite](work);
  // Classes that run at once have a container or bucket of their own: all write to the same paths.
  const places = cpus().map((_, i) => `contract-${i}`);
  const cloud = await startLocalCloud(program, ...places.flatMap((place) => [option, place]));
  const waiting = classes.filter((name) => pattern.test(shortName(name)) && !different.includes(shortName(name)));
  const ran = new Set(waiting.map(shortName));
  const total = { "passed": [], "failed": [], "left-out": [] };
  const worker = async (place) => {
    const directory = join(work, place);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "log4j.properties"), LOG4J);
    const java = prepare(cloud.ready, place, directory);
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const outcome = await runClass(name, java, join(work, name));
      for (const [kind, tests] of Object.entries(outcome)) total[kind].push(...tests);
      console.log(`${suite}: ${name}: ${Object.entries(outcome).map(([kind, tests]) => `${tests.length} ${kind}`).join(", ")}`);
    }
  };
  await Promise.all(places.map(worker));
  await cloud.stop();
  const unexpected = total.failed.filter((name) => !different.includes(name));
  const stale = different.filter((name) => ran.has(name.split(".")[0]) && !total.failed.includes(name));
  for (const name of unexpected) console.log(`${suite}: FAILED ${name} (logs are in ${work})`);
  for (const name of stale) console.log(`${suite}: PASSED though it is listed as different: ${name}`);
  console.log(`${suite}: ${total.passed.length} passed, ${unexpected.length} failed, ` +
    `${total.failed.length - unexpected.length} known to differ, ${total["left-out"].length} left out by themselves`);
  return unexpected.length + stale.length === 0 && total.passed.length > 0;
}

const [program, directory, ...chosen] = process.argv.slice(2);
for (const word of chosen.length > 0 ? chosen : Object.keys(SUITES)) {
  const [suite, pattern = ""] = word.split(":");
  if (!(await runSuite(suite, new RegExp(pattern), resolve(program), resolve(directory)))) process.exitCode = 1;
}
