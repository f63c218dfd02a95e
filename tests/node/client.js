// node-opcua's client for the tests: a JSON request a line on stdin, a JSON answer or notification
// a line on stdout. It ends with its stdin.
"use strict";
const readline = require("node:readline");
const {
  AttributeIds, ClientMonitoredItem, ClientSubscription, DataType, MessageSecurityMode, OPCUAClient,
  SecurityPolicy, TimestampsToReturn, UserTokenType, makeBrowsePath,
} = require("node-opcua-client");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");

let client = null;
let session = null;
let subscription = null;

const say = (message) => process.stdout.write(JSON.stringify(message) + "\n");

async function connect(o) {
  const manager = new OPCUACertificateManager({ rootFolder: o.pki, automaticallyAcceptUnknownCertificate: true });
  await manager.initialize();
  client = OPCUAClient.create({
    applicationUri: o.uri,
    clientCertificateManager: manager,
    certificateFile: o.certificateFile,
    privateKeyFile: o.privateKeyFile,
    securityPolicy: SecurityPolicy[o.policy],
    securityMode: o.policy === "None" ? MessageSecurityMode.None : MessageSecurityMode.SignAndEncrypt,
    endpointMustExist: false,
    keepSessionAlive: true,
    requestedSessionTimeout: o.sessionTimeout ?? 30000,
    connectionStrategy: { maxRetry: o.maxRetry ?? 0, initialDelay: 100, maxDelay: 500 },
    transportTimeout: 5000,
  });
  for (const name of ["connection_lost", "connection_reestablished", "start_reconnection"])
    client.on(name, () => say({ event: name }));
  await client.connect(o.url);
  session = await client.createSession(
    o.user ? { type: UserTokenType.UserName, userName: o.user, password: o.password } : undefined);
  return session.timeout;
}

async function disconnect() {
  if (session) await session.close(true).catch(() => {});
  if (client) await client.disconnect();
  session = client = subscription = null;
}

const plain = (v) => (Array.isArray(v) ? v.map(plain) : v && v.buffer ? Array.from(v) : v);

async function subscribe(o) {
  subscription = await session.createSubscription2({
    requestedPublishingInterval: o.interval ?? 50,
    requestedLifetimeCount: 1000,
    requestedMaxKeepAliveCount: 20,
    publishingEnabled: true,
  });
  for (const nodeId of o.nodes) {
    const item = ClientMonitoredItem.create(subscription, { nodeId, attributeId: AttributeIds.Value },
      { samplingInterval: 0, queueSize: 100, discardOldest: true }, TimestampsToReturn.Both);
    item.on("changed", (dv) => say({ change: nodeId.replace(/^.*;s=/, ""), value: plain(dv.value.value) }));
  }
}

async function read(o) {
  const values = await session.read(o.nodes.map((nodeId) => ({ nodeId, attributeId: AttributeIds.Value })));
  return values.map((dv) => (dv.statusCode.isGood() ? plain(dv.value.value) : { status: dv.statusCode.name }));
}

async function browse(o) {
  const result = await session.browse(o.node);
  return result.references.map((r) => r.browseName.name);
}

async function write(o) {
  const status = await session.write({
    nodeId: o.node, attributeId: AttributeIds.Value,
    value: { value: { dataType: DataType[o.type], value: o.value } },
  });
  return status.name;
}

async function translate(o) {
  const result = await session.translateBrowsePath(makeBrowsePath(o.node ?? "RootFolder", o.path));
  return result.targets?.map((t) => t.targetId.toString()) ?? [];
}

async function reconnects(o) {
  for (let n = 0; n < o.times; n++) {
    await connect(o);
    await session.read({ nodeId: o.node, attributeId: AttributeIds.Value });
    await disconnect();
  }
}

const actions = { connect, disconnect, subscribe, read, browse, write, translate, reconnects };

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { action, ...rest } = JSON.parse(line);
    try {
      say({ result: (await actions[action](rest)) ?? null });
    } catch (error) {
      say({ error: String(error.message) });
    }
  }
  await disconnect().catch(() => {});
  process.exit(0);
})();
