// A client that hey-api writes whole.
import { client } from "./client/client.gen";
import { createReportV1ReportsPost, readyzReadyzGet } from "./client/sdk.gen";

const film = new Blob(["a film"], { type: "image/png" });
client.setConfig({ baseUrl: process.argv[2] });

async function main() {
  for (const body of [
    { image: film, age: "63", sex: "nam", view: "PA" },
    { images: [film, film], views: ["PA", "lateral"], confirm: true },
    { image: film, age: "999" },
  ]) {
    const { data, error, response } = await createReportV1ReportsPost({ body });
    console.log(response?.status, data ? data.findings.status : error && "code" in error && error.code);
  }
  const { data, response } = await readyzReadyzGet();
  console.log(response?.status, data?.reason);
}

main();
