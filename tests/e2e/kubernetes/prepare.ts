/**
 * What every end-to-end test needs, once before all of them: a Kubernetes (the lab is installed and
 * brought up when there is none) and the images. Where this fails no test has anything to say.
 */
import { provideImages } from "./images.test-kit.ts";
import { Kube } from "./kube.test-kit.ts";
import { reachKubernetes } from "./lab.test-kit.ts";

await reachKubernetes();
const kube = await Kube.connect();
try {
  const { node, operator } = await provideImages(kube);
  console.log(`Kubernetes is up; images ${node} and ${operator}`);
} finally {
  kube.close();
}
