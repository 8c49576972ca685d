package io.peerpods.ec2.faults;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import javax.xml.transform.OutputKeys;
import javax.xml.transform.TransformerException;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.xml.sax.SAXException;

/**
 * The time that instances take: each is pending for a while after its launch, without a public address, and takes neither
 * address, interface nor volume until then. An instance that was terminated can be terminated again.
 */
final class States {

    private final Map<String, Long> launchedAt = new ConcurrentHashMap<>();
    private final Map<String, String> instanceOfInterface = new ConcurrentHashMap<>();
    private final Set<String> terminated = ConcurrentHashMap.newKeySet();
    private final Map<String, String> attachedLater = new ConcurrentHashMap<>();
    private final Set<String> endWithInstance = ConcurrentHashMap.newKeySet();
    private volatile Duration boot = Duration.ZERO;
    private volatile Duration unseen = Duration.ZERO;
    private volatile Consumer<String> listener = instance -> {};

    void boot(Duration time) {
        boot = time;
    }

    /** For this long after its launch an instance is not described: EC2 is consistent in the end only. */
    void unseen(Duration time) {
        unseen = time;
    }

    private boolean isUnseen(String instance) {
        Long at = launchedAt.get(instance);
        return at != null && System.nanoTime() - at < unseen.toNanos();
    }

    void onLaunch(Consumer<String> listener) {
        this.listener = listener;
    }

    boolean isTerminated(String instance) {
        return terminated.contains(instance);
    }

    /** Interfaces that EC2 deletes together with an instance although they were no part of its launch. */
    List<String> endingWith(String instance) {
        return attachedLater.entrySet().stream()
                .filter(entry -> entry.getValue().equals(instance) && endWithInstance.contains(entry.getKey()))
                .map(Map.Entry::getKey)
                .toList();
    }

    private void rememberAttachment(Call call) {
        if (call.action().equals("AttachNetworkInterface")) {
            attachedLater.put(call.get("NetworkInterfaceId"), call.get("InstanceId"));
        }
        if (call.action().equals("ModifyNetworkInterfaceAttribute")
                && call.get("Attachment.DeleteOnTermination").equals("true")) {
            endWithInstance.add(call.get("NetworkInterfaceId"));
        }
    }

    /** Why EC2 refuses this call for the state of an instance, or empty. */
    Optional<Answer> refusal(Call call) {
        String instance = switch (call.action()) {
            case "AssociateAddress" ->
                call.get("InstanceId").isEmpty()
                        ? instanceOfInterface.getOrDefault(call.get("NetworkInterfaceId"), "")
                        : call.get("InstanceId");
            case "AttachNetworkInterface", "AttachVolume" -> call.get("InstanceId");
            default -> "";
        };
        if (instance.isEmpty() || !isPending(instance)) {
            return Optional.empty();
        }
        String code = call.action().equals("AssociateAddress") ? "IncorrectInstanceState" : "IncorrectState";
        return Optional.of(Answer.error(
                400, code, "Instance '" + instance + "' is not 'running'. The instance is in state 'pending'."));
    }

    private boolean isPending(String instance) {
        Long at = launchedAt.get(instance);
        return at != null && !terminated.contains(instance) && System.nanoTime() - at < boot.toNanos();
    }

    /** Remembers what an answer tells of instances, and makes those pending that must be. */
    Answer pass(Call call, Answer answer) throws IOException {
        boolean instances = Set.of("RunInstances", "DescribeInstances").contains(call.action());
        if (answer.status() >= 300) {
            return answer;
        }
        rememberAttachment(call);
        if (call.action().equals("TerminateInstances")) {
            Xml.parse(answer.body()).elements("instanceId").forEach(id -> terminated.add(id.getTextContent()));
            return answer;
        }
        if (!instances) {
            return answer;
        }
        Xml xml = Xml.parse(answer.body());
        for (Element state : xml.elements("instanceState")) {
            Element instance = (Element) state.getParentNode();
            String id =
                    Xml.child(instance, "instanceId").map(Node::getTextContent).orElse("");
            if (call.action().equals("RunInstances")) {
                launched(id, instance);
            }
            if (call.action().equals("DescribeInstances") && isUnseen(id)) {
                instance.getParentNode().removeChild(instance);
            } else if (isPending(id) || call.action().equals("RunInstances")) {
                makePending(state, instance);
            }
        }
        return new Answer(answer.status(), xml.text());
    }

    private void launched(String id, Element instance) {
        launchedAt.put(id, System.nanoTime());
        listener.accept(id);
        for (Element nic : Xml.elements(instance, "networkInterfaceId")) {
            instanceOfInterface.put(nic.getTextContent(), id);
        }
    }

    private static void makePending(Element state, Element instance) {
        Xml.child(state, "code").ifPresent(code -> code.setTextContent("0"));
        Xml.child(state, "name").ifPresent(name -> name.setTextContent("pending"));
        Xml.child(instance, "ipAddress").ifPresent(instance::removeChild);
        for (Element association : Xml.elements(instance, "association")) {
            association.getParentNode().removeChild(association);
        }
    }

    /** An XML document, as far as this needs one. */
    private record Xml(Document document) {

        static Xml parse(String text) throws IOException {
            try {
                return new Xml(DocumentBuilderFactory.newInstance()
                        .newDocumentBuilder()
                        .parse(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8))));
            } catch (ParserConfigurationException | SAXException e) {
                throw new IOException("an answer is not XML", e);
            }
        }

        List<Element> elements(String name) {
            return elements(document.getDocumentElement(), name);
        }

        static List<Element> elements(Element parent, String name) {
            List<Element> all = new ArrayList<>();
            var found = parent.getElementsByTagName(name);
            for (int i = 0; i < found.getLength(); i++) {
                all.add((Element) found.item(i));
            }
            return all;
        }

        static Optional<Element> child(Element parent, String name) {
            for (Node node = parent.getFirstChild(); node != null; node = node.getNextSibling()) {
                if (node instanceof Element element && element.getTagName().equals(name)) {
                    return Optional.of(element);
                }
            }
            return Optional.empty();
        }

        String text() throws IOException {
            try {
                StringWriter text = new StringWriter();
                var transformer = TransformerFactory.newInstance().newTransformer();
                transformer.setOutputProperty(OutputKeys.ENCODING, "UTF-8");
                transformer.transform(new DOMSource(document), new StreamResult(text));
                return text.toString();
            } catch (TransformerException e) {
                throw new IOException(e);
            }
        }
    }
}
