// Microsoft's own queue client, unchanged, against the local cloud: queues and their messages, and the messages that
// Event Grid would put into a queue for changes of files.
// Usage: node azure_queue.mjs PATH_OF_LOCALCLOUD
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { DataLakeServiceClient } from "@azure/storage-file-datalake";
import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  QueueSASPermissions,
  QueueServiceClient,
  StorageSharedKeyCredential,
  generateAccountSASQueryParameters,
  generateQueueSASQueryParameters,
} from "@azure/storage-queue";

import { ONE_TRY, refused } from "./azure_checks.mjs";
import { startLocalCloud } from "./local_cloud.mjs";

let cloud;
let account;
let credential;
let service;
let queue;

async function listed(options, settings) {
  const names = [];
  for await (const page of service.listQueues(options).byPage(settings)) {
    names.push(...(page.queueItems ?? []).map((item) => item.name));
  }
  return names;
}

before(async () => {
  cloud = await startLocalCloud(process.argv[2], "--azure-event-queue", "changes", "--azure-filesystem", "fs");
  account = cloud.ready.azure.accounts.find((one) => one.hierarchical);
  credential = new StorageSharedKeyCredential(account.name, account.key);
  service = new QueueServiceClient(account.queue_url, credential, ONE_TRY);
  queue = service.getQueueClient("work");
});

after(async () => cloud.stop());

test("a queue is created once, listed, described and given metadata", async () => {
  assert.equal(await queue.exists(), false);
  await queue.create({ metadata: { purpose: "test" } });
  assert.equal((await queue.createIfNotExists({ metadata: { purpose: "other" } })).succeeded, false);
  await queue.create({ metadata: { purpose: "test" } });
  await refused(queue.create({ metadata: { purpose: "other" } }), 409, "QueueAlreadyExists");
  assert.equal(await queue.exists(), true);
  await queue.setMetadata({ purpose: "changed" });
  const properties = await queue.getProperties();
  assert.deepEqual(properties.metadata, { purpose: "changed" });
  assert.equal(properties.approximateMessagesCount, 0);
  await refused(service.getQueueClient("ab").create(), 400, "OutOfRangeInput");
  await refused(service.getQueueClient("a_b").create(), 400, "InvalidResourceName");
});

test("queues are listed by prefix, in pages of one, with metadata", async () => {
  for (const name of ["list-a", "list-b", "list-c"]) await service.createQueue(name);
  assert.deepEqual(await listed({ prefix: "list-" }, { maxPageSize: 1 }), ["list-a", "list-b", "list-c"]);
  for await (const item of service.listQueues({ prefix: "work", includeMetadata: true })) {
    assert.deepEqual(item.metadata, { purpose: "changed" });
  }
  for (const name of ["list-a", "list-b", "list-c"]) await service.deleteQueue(name);
  assert.deepEqual(await listed({ prefix: "list-" }), []);
  await refused(service.getQueueClient("list-a").receiveMessages(), 404, "QueueNotFound");
});

test("a message is received, hidden, extended, changed and deleted by its newest receipt", async () => {
  const sent = await queue.sendMessage("one <&> ünï");
  assert.ok(sent.messageId && sent.popReceipt);
  const peeked = (await queue.peekMessages()).peekedMessageItems;
  assert.equal(peeked[0].messageText, "one <&> ünï");
  assert.equal(peeked[0].dequeueCount, 0);
  const [received] = (await queue.receiveMessages({ visibilityTimeout: 60 })).receivedMessageItems;
  assert.equal(received.messageText, "one <&> ünï");
  assert.equal(received.dequeueCount, 1);
  assert.ok(received.nextVisibleOn.getTime() > Date.now() + 50_000);
  assert.equal((await queue.receiveMessages()).receivedMessageItems.length, 0);
  const updated = await queue.updateMessage(received.messageId, received.popReceipt, "two", 0);
  await refused(queue.deleteMessage(received.messageId, received.popReceipt), 400, "PopReceiptMismatch");
  const [again] = (await queue.receiveMessages()).receivedMessageItems;
  assert.equal(again.messageText, "two");
  assert.equal(again.dequeueCount, 2);
  await refused(queue.deleteMessage(again.messageId, updated.popReceipt), 400, "PopReceiptMismatch");
  const extended = await queue.updateMessage(again.messageId, again.popReceipt, undefined, 30);
  await queue.deleteMessage(again.messageId, extended.popReceipt);
  await refused(queue.deleteMessage(again.messageId, extended.popReceipt), 404, "MessageNotFound");
});

test("32 messages at most come at once, in no more than 64 KiB each", async () => {
  for (let i = 0; i < 40; ++i) await queue.sendMessage(`message ${i}`);
  assert.equal((await queue.getProperties()).approximateMessagesCount, 40);
  assert.equal((await queue.receiveMessages({ numberOfMessages: 32 })).receivedMessageItems.length, 32);
  assert.equal((await queue.receiveMessages({ numberOfMessages: 32 })).receivedMessageItems.length, 8);
  await refused(queue.receiveMessages({ numberOfMessages: 33 }), 400, "OutOfRangeQueryParameterValue");
  await refused(queue.peekMessages({ numberOfMessages: 0 }), 400, "OutOfRangeQueryParameterValue");
  await queue.clearMessages();
  assert.equal((await queue.getProperties()).approximateMessagesCount, 0);
  await queue.sendMessage("x".repeat(65536), { messageTimeToLive: -1 });
  await refused(queue.sendMessage("x".repeat(65537)), 413, "RequestBodyTooLarge");
  await refused(queue.sendMessage("x", { messageTimeToLive: 10, visibilityTimeout: 10 }), 400);
  await queue.clearMessages();
});

test("SAS: of the account and of one queue, within their permissions", async () => {
  await queue.sendMessage("shared");
  const expiresOn = new Date(Date.now() + 60_000);
  const as = (query) => new QueueServiceClient(`${account.queue_url}?${query}`, undefined, ONE_TRY).getQueueClient("work");
  const reader = as(generateAccountSASQueryParameters({
    expiresOn,
    permissions: AccountSASPermissions.parse("r"),
    resourceTypes: AccountSASResourceTypes.parse("co").toString(),
    services: AccountSASServices.parse("q").toString(),
  }, credential).toString());
  assert.equal((await reader.peekMessages()).peekedMessageItems[0].messageText, "shared");
  await refused(reader.receiveMessages(), 403, "AuthorizationPermissionMismatch");
  const processor = as(generateQueueSASQueryParameters({
    queueName: "work", expiresOn, permissions: QueueSASPermissions.parse("p"),
  }, credential).toString());
  const [received] = (await processor.receiveMessages()).receivedMessageItems;
  await processor.deleteMessage(received.messageId, received.popReceipt);
  await refused(processor.sendMessage("no"), 403, "AuthorizationPermissionMismatch");
  await refused(processor.delete(), 403);
  const url = queue.generateSasUrl({ expiresOn, permissions: QueueSASPermissions.parse("r") });
  assert.equal((await fetch(url.replace("?", "/messages?peekonly=true&"))).status, 200);
});

test("changes of files arrive as Event Grid messages", async () => {
  const filesystem = new DataLakeServiceClient(account.url, credential, ONE_TRY).getFileSystemClient("fs");
  const file = filesystem.getFileClient("in/part-0001.csv");
  await file.upload(Buffer.from("a,b\n"), { close: true, pathHttpHeaders: { contentType: "text/csv" } });
  await file.move("in/done.csv");
  await filesystem.getFileClient("in/done.csv").delete();
  const changes = service.getQueueClient("changes");
  const { receivedMessageItems } = await changes.receiveMessages({ numberOfMessages: 32 });
  const events = receivedMessageItems.map((item) => JSON.parse(Buffer.from(item.messageText, "base64").toString()));
  assert.deepEqual(events.map((event) => event.data.api),
    ["CreateFile", "FlushWithClose", "RenameFile", "DeleteFile"]);
  const [, closed, renamed] = events;
  assert.equal(closed.eventType, "Microsoft.Storage.BlobCreated");
  assert.equal(closed.subject, "/blobServices/default/containers/fs/blobs/in/part-0001.csv");
  assert.equal(closed.data.contentLength, 4);
  assert.equal(closed.data.contentType, "text/csv");
  assert.ok(renamed.data.sourceUrl.endsWith("/fs/in/part-0001.csv"));
  const sequencers = events.map((event) => event.data.sequencer);
  assert.deepEqual([...sequencers].sort(), sequencers);
  for (const item of receivedMessageItems) await changes.deleteMessage(item.messageId, item.popReceipt);
});

test("a queue goes with all that is in it", async () => {
  await queue.delete();
  assert.equal((await queue.deleteIfExists()).succeeded, false);
  await refused(queue.getProperties(), 404, "QueueNotFound");
});
