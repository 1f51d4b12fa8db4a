// A client of the types that openapi-typescript writes. It has files as strings, and leaves the form to its user.
import createClient from "openapi-fetch";
import type { paths } from "./schema";

const film = new Blob(["a film"], { type: "image/png" }) as unknown as string;
const client = createClient<paths>({ baseUrl: process.argv[2] });

const bodySerializer = (body: object = {}) => {
  const form = new FormData();
  for (const [name, value] of Object.entries(body)) for (const one of [value].flat()) form.append(name, one);
  return form;
};

async function main() {
  for (const body of [
    { image: film, age: "63", sex: "nam", view: "PA" },
    { images: [film, film], views: ["PA", "lateral"], confirm: true },
    { image: film, age: "999" },
  ]) {
    const { data, error, response } = await client.POST("/v1/reports", { body, bodySerializer });
    console.log(response.status, typeof data === "object" ? data.findings.status : error?.code);
  }
  const { data, response } = await client.GET("/readyz");
  console.log(response.status, data?.reason);
}

main();
