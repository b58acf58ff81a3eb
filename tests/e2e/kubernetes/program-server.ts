/** How a program in a pod answers the test that started it: JSON by path, on the pod's own port. */
import { createServer } from "node:http";

const port = Number(process.env["PROGRAM_PORT"] ?? "7000");

/** What `answer` throws is told with status 500. */
export function serveProgram(answer: (path: string) => Promise<object>): void {
  createServer((request, response) => {
    answer(request.url ?? "").then(
      (body) => response.end(JSON.stringify(body)),
      (error: unknown) => {
        response.statusCode = 500;
        response.end(error instanceof Error ? error.stack : String(error));
      },
    );
  }).listen(port, "0.0.0.0");
}
