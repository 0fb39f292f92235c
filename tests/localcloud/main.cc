// The program `localcloud`: stands in for both clouds on loopback, for tests, benchmarks and a
// first try.
//
// It writes one JSON file when it is ready (endpoints, names, where to find generated keys) and
// stops on SIGTERM or SIGINT. Exit status: 0 after a stop that was asked for, 1 when it could not
// start, 2 for a wrong command line.
#include <malloc.h>
#include <pthread.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "core/clock.h"
#include "core/result.h"
#include "tests/localcloud/admin_service.h"
#include "tests/localcloud/azure_service.h"
#include "tests/localcloud/azure_setup.h"
#include "tests/localcloud/oci_service.h"
#include "tests/localcloud/oci_setup.h"
#include "tests/localcloud/server.h"
#include "tests/localcloud/storage.h"
#include "tests/localcloud/tls_identity.h"

namespace skybridge::localcloud {
namespace {

struct ProgramOptions {
  std::string ready_file;
  std::string data_directory;  // "" keeps everything in memory
  bool tls = false;
  std::uint16_t admin_port = 0;
  std::uint16_t azure_port = 0;
  std::uint16_t azure_queue_port = 0;
  AzureSetup azure;
  std::uint16_t oci_port = 0;
  OciServiceOptions oci;
  std::vector<std::string> oci_secrets;  // NAME=CONTENT
};

// What all servers of the process share. Declared before them, so that it outlives them.
struct Shared {
  SystemClock clock;
  std::shared_ptr<RuleBook> rules = std::make_shared<RuleBook>();
  std::shared_ptr<Traffic> traffic = std::make_shared<Traffic>();
  std::unique_ptr<Storage> storage;
  std::optional<TlsIdentity> tls;

  ServerOptions On(std::uint16_t port) const {
    return {.port = port, .rules = rules, .traffic = traffic, .tls = tls};
  }
};

// A service and the server in front of it.
struct Running {
  std::unique_ptr<Service> service;
  std::unique_ptr<Server> server;
  nlohmann::json description;
};

// The blobs and paths of the accounts, and their queues on a port of their own.
struct RunningAzure {
  Running storage;
  Running queues;  // uses the service of `storage`
};

Result<RunningAzure> StartAzure(Shared& shared, const ProgramOptions& options) {
  const AzureSetup setup = CompleteAzureSetup(options.azure);
  const AzureOptions azure = TRY(MakeAzureOptions(setup));
  auto service = TRY(AzureService::Make(azure, *shared.storage, shared.clock));
  RunningAzure running;
  running.queues.service = service->MakeQueueService();
  running.storage.service = std::move(service);
  running.storage.server =
      TRY(Server::Start(*running.storage.service, shared.clock, shared.On(options.azure_port)));
  running.queues.server = TRY(
      Server::Start(*running.queues.service, shared.clock, shared.On(options.azure_queue_port)));
  running.storage.description = nlohmann::json::parse(
      DescribeAzure(setup, running.storage.server->url(), running.queues.server->url()));
  return running;
}

Result<Running> StartOci(Shared& shared, const ProgramOptions& options) {
  const std::filesystem::path directory =
      std::filesystem::absolute(options.ready_file).parent_path();
  const OciLogin login = TRY(PrepareOciLogin(directory, options.oci.region));
  OciServiceOptions service_options = options.oci;
  service_options.identities.push_back(login.identity);
  for (const std::string& text : options.oci_secrets) {
    auto secret = TRY(ParseSecret(text, shared.clock.WallNow()));
    service_options.secrets.push_back(std::move(secret));
  }
  Running running;
  running.service = TRY(OciService::Create(*shared.storage, shared.clock, service_options));
  running.server = TRY(Server::Start(*running.service, shared.clock, shared.On(options.oci_port)));
  running.description =
      nlohmann::json::parse(DescribeOci(service_options, login, running.server->url()));
  return running;
}

// The admin port has rules and counts of its own, so that nothing shapes or counts it.
Result<Running> StartAdmin(Shared& shared, const ProgramOptions& options) {
  Running running;
  running.service = std::make_unique<AdminService>(*shared.rules, *shared.traffic, *shared.storage);
  running.server = TRY(Server::Start(*running.service, shared.clock, {.port = options.admin_port}));
  running.description = {{"endpoint", running.server->url()}};
  return running;
}

Status WriteFile(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::trunc);
  file << text;
  if (!file.flush()) return Fail(ErrorCode::kIo, "cannot write " + path);
  return {};
}

// Where the clients find the certificate that they are to trust; it goes beside the ready file.
Result<std::string> WriteCaFile(const std::string& ready_file, const TlsIdentity& tls) {
  const std::string path = std::filesystem::absolute(ready_file).parent_path() / "ca.pem";
  TRY_VOID(WriteFile(path, tls.certificate_pem));
  return path;
}

// Appears whole or not at all. It holds keys: for its owner's eyes alone.
Status WriteReadyFile(const std::string& path, const nlohmann::json& content) {
  const std::string temporary = path + ".new";
  TRY_VOID(WriteFile(temporary, content.dump(2) + '\n'));
  std::error_code failed;
  std::filesystem::permissions(
      temporary, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, failed);
  if (failed) return Fail(ErrorFromErrno(failed.value(), "protect " + temporary));
  std::filesystem::rename(temporary, path, failed);
  if (failed) return Fail(ErrorFromErrno(failed.value(), "rename " + temporary));
  return {};
}

// Bodies live in mappings of their own, so that the kernel has them back as soon as they are deleted.
// By itself malloc raises the size from which it does so with each large block that is freed, up to
// 32 MiB, and keeps the smaller ones in the arena of a thread that is long gone.
void KeepBodiesInMappings() { mallopt(M_MMAP_THRESHOLD, 128 << 10); }

std::uint64_t RequestsOf(const Traffic& traffic) {
  std::uint64_t requests = 0;
  for (const auto& [operation, count] : traffic.All()) requests += count.requests;
  return requests;
}

// Until a stop is asked for. What was small (records, small bodies) goes back to the kernel in the
// first second without a request, when nobody waits for it.
void WaitForStop(const sigset_t& stop_signals, const Traffic& traffic) {
  const timespec second{.tv_sec = 1, .tv_nsec = 0};
  std::uint64_t seen = 0;
  std::uint64_t trimmed_after = 0;
  while (sigtimedwait(&stop_signals, nullptr, &second) < 0) {
    const std::uint64_t now = RequestsOf(traffic);
    if (now == seen && now != trimmed_after) {
      malloc_trim(0);
      trimmed_after = now;
    }
    seen = now;
  }
}

Status Run(const ProgramOptions& options, const sigset_t& stop_signals) {
  Shared shared;
  shared.storage = options.data_directory.empty()
                       ? MakeMemoryStorage()
                       : TRY(MakeDirectoryStorage(options.data_directory));
  nlohmann::json ready;
  if (options.tls) {
    shared.tls = TRY(MakeTlsIdentity());
    ready["ca_file"] = TRY(WriteCaFile(options.ready_file, *shared.tls));
  }
  const RunningAzure azure = TRY(StartAzure(shared, options));
  const Running oci = TRY(StartOci(shared, options));
  const Running admin = TRY(StartAdmin(shared, options));
  ready["admin"] = admin.description;
  ready["azure"] = azure.storage.description;
  ready["oci"] = oci.description;
  TRY_VOID(WriteReadyFile(options.ready_file, ready));
  WaitForStop(stop_signals, *shared.traffic);
  return {};
}

void AddOptions(CLI::App& app, ProgramOptions& options) {
  app.add_option("--ready-file", options.ready_file,
                 "Where to write the endpoints when ready; keys go beside it")
      ->required();
  app.add_option("--data-dir", options.data_directory,
                 "Keep everything in this directory instead of in memory");
  app.add_flag(
      "--tls", options.tls,
      "Speak https on the ports of both clouds, with a certificate made anew for loopback; "
      "ca.pem beside the ready file is what clients are to trust");
  app.add_option("--admin-port", options.admin_port,
                 "Port for rules and counts; 0 lets the kernel choose");
  app.add_option("--azure-port", options.azure_port, "Port for Azure; 0 lets the kernel choose");
  app.add_option("--azure-queue-port", options.azure_queue_port,
                 "Port for Azure's queues; 0 lets the kernel choose");
  app.add_option("--azure-lake-key", options.azure.lake_key,
                 "Key of the account 'lake' (base64); made anew when not given");
  app.add_option("--azure-filesystem", options.azure.filesystems,
                 "Filesystem of 'lake' to create at start; may be repeated");
  app.add_option("--azure-container", options.azure.containers,
                 "Container of 'devstoreaccount1' (flat) to create at start; may be repeated");
  app.add_option("--azure-largest-page", options.azure.listing.largest_page,
                 "Entries that a page of a listing has at most")
      ->check(CLI::Range(1, 5000))
      ->capture_default_str();
  app.add_flag("--azure-empty-pages", options.azure.listing.empty_first_page,
               "Begin every listing with an empty page that goes on");
  app.add_option("--azure-event-queue", options.azure.events.queue,
                 "Queue, made at start, that gets Event Grid messages for each account's changes");
  app.add_option("--azure-event-schema", options.azure.events.schema, "Schema of those messages")
      ->transform(CLI::CheckedTransformer(std::map<std::string, azure::EventSchema>{
          {"eventgrid", azure::EventSchema::kEventGrid},
          {"cloudevents", azure::EventSchema::kCloudEvents}}));
  app.add_flag("--azure-event-plain", options.azure.events.plain,
               "Messages are JSON as it is, not encoded in base64");
  app.add_option("--azure-tenant-id", options.azure.tenant_id,
                 "Tenant of the service principal; made anew when not given");
  app.add_option("--azure-client-id", options.azure.client_id,
                 "Client id of the service principal; made anew when not given");
  app.add_option("--azure-client-secret", options.azure.client_secret,
                 "Secret of the service principal; made anew when not given");
  app.add_option("--azure-client-certificate", options.azure.client_certificate,
                 "PEM file with a certificate that the service principal may sign with");
  app.add_option("--oci-port", options.oci_port, "Port for OCI; 0 lets the kernel choose");
  app.add_option("--oci-namespace", options.oci.namespaces, "Object Storage namespace")
      ->expected(1)
      ->capture_default_str();
  app.add_option("--oci-region", options.oci.region, "Region")->capture_default_str();
  app.add_option("--oci-compartment", options.oci.compartment_id, "Compartment of the buckets")
      ->capture_default_str();
  app.add_option("--oci-bucket", options.oci.buckets, "Bucket to create at start; may be repeated");
  app.add_option("--oci-secret", options.oci_secrets,
                 "Secret that Vault keeps, as NAME=CONTENT; may be repeated");
  app.add_option("--oci-min-part-size", options.oci.limits.min_part_size_bytes,
                 "Bytes that every part of an upload but the last must have")
      ->capture_default_str();
}

int Main(int argc, char** argv) {
  ProgramOptions options;
  CLI::App app("A test double of both clouds on loopback. Nobody's data is safe in it.",
               "localcloud");
  AddOptions(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  KeepBodiesInMappings();
  // Blocked before the first thread starts, so that only sigwait takes them.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGTERM);
  sigaddset(&stop_signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);

  std::fputs("localcloud is a test double: nobody's data is safe in it.\n", stderr);
  const Status status = Run(options, stop_signals);
  if (status) return 0;
  std::fprintf(stderr, "localcloud: %s\n", status.error().ToString().c_str());
  return 1;
}

}  // namespace
}  // namespace skybridge::localcloud

int main(int argc, char** argv) { return skybridge::localcloud::Main(argc, argv); }
